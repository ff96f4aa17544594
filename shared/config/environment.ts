import * as z from 'zod'

/** What is for us, and no user's business. */
const OUR_VARIABLES = 'BATOID_'

/** Environment variables that users name. */
export const environment = z.record(
  z
    .string()
    .regex(/^[^=\0]+$/, "may not be empty, nor contain '='")
    .refine((name) => !name.startsWith(OUR_VARIABLES), `names that begin with ${OUR_VARIABLES} are batoid's own`),
  z.string('must be text: put it in quotes').refine((value) => !value.includes('\0'), 'may not contain NUL'),
)
