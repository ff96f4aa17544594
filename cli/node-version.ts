export const MINIMUM_NODE = '20.19.0'

export function isSupported(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [minMajor = 0, minMinor = 0] = MINIMUM_NODE.split('.').map(Number)
  return major > minMajor || (major === minMajor && minor >= minMinor)
}
