import { type RequestOptions, request } from 'node:http'

/** How a request ended for a strict client: `status body`, or `cut` when the answer was incomplete or there was none. */
export function ask(port: number, options: RequestOptions & { body?: string } = {}): Promise<string> {
  const { body, ...rest } = options
  return new Promise((resolve) => {
    const asked = request({ host: '127.0.0.1', port, agent: false, ...rest }, (answer) => {
      let text = ''
      answer.setEncoding('latin1')
      answer.on('data', (chunk: string) => (text += chunk))
      answer.on('error', () => {})
      answer.on('close', () => resolve(answer.complete ? `${answer.statusCode} ${text}` : 'cut'))
    })
    asked.on('error', () => resolve('cut'))
    asked.end(body)
  })
}
