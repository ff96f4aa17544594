import { userInfo } from 'node:os'

/** Containers often run under an id that has no name. */
export function userName(): string {
  try {
    return userInfo().username
  } catch {
    return String(process.getuid?.() ?? 'user')
  }
}
