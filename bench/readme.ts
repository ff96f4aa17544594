const BEGIN = '<!-- figures: written by `npm run bench` -->'
const END = '<!-- end of figures -->'

/** Puts `figures` between the marks of a README; the prose around them stays. */
export function withFigures(readme: string, figures: string): string {
  const [begin, end] = [readme.indexOf(BEGIN), readme.indexOf(END)]
  if (begin < 0 || end < begin) throw new Error(`bench/README.md has no lines '${BEGIN}' and '${END}', in this order`)
  return `${readme.slice(0, begin + BEGIN.length)}\n\n${figures.trim()}\n\n${readme.slice(end)}`
}
