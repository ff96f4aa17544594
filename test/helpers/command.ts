import { execFile } from 'node:child_process'
import { resolve } from 'node:path'

export interface Said {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs `batoid` with these arguments and nothing to read, until it ends. */
export function runCommand(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Said> {
  return new Promise((settle) => {
    const options = { env: { ...process.env, NODE_OPTIONS: '', ...env } }
    const child = execFile(process.execPath, [resolve('dist/cli/main.js'), ...args], options, (error, stdout, stderr) =>
      settle({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    )
    child.stdin?.end()
  })
}
