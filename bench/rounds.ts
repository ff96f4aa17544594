/**
 * Who runs when in a round: the anchor between every two others and at both ends. Every other round goes backwards, so
 * that nobody always runs behind the same one.
 */
export function orderOf(contestants: readonly string[], anchor: string, round: number): readonly string[] {
  const others = contestants.filter((contestant) => contestant !== anchor)
  const order = round % 2 === 0 ? others : others.toReversed()
  return [anchor, ...order.flatMap((contestant) => [contestant, anchor])]
}
