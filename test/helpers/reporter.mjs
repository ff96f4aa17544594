import mocha from 'mocha'

/** Mocha's spec reporter with a closing line that machines read: `N passed, N failed`. */
export default class Reporter extends mocha.reporters.Spec {
  epilogue() {
    super.epilogue()
    const { passes = 0, failures = 0 } = this.stats
    console.log(`${passes} passed, ${failures} failed`)
  }
}
