/** Waits until `probe` neither throws nor returns false or undefined, and gives what it returned. */
export async function eventually<T>(
  probe: () => T | Promise<T>,
  { withinMs = 10_000 }: { withinMs?: number } = {},
): Promise<Exclude<T, false | undefined>> {
  const deadline = performance.now() + withinMs
  let last: unknown = new Error('the condition did not hold')
  while (performance.now() < deadline) {
    try {
      const value = await probe()
      if (value !== false && value !== undefined) return value as Exclude<T, false | undefined>
    } catch (error) {
      last = error
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`not within ${withinMs} ms: ${last instanceof Error ? last.message : String(last)}`)
}
