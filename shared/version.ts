/** The version of this package; a test holds it against package.json, which is not read at run time to start faster. */
export const VERSION = '0.1.0'
