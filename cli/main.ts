#!/usr/bin/env node
/** The command. Checks Node before it loads anything that an old one could not even parse. */
import { isSupported, MINIMUM_NODE } from './node-version.ts'

if (isSupported(process.versions.node)) {
  const { main } = await import('./program.ts')
  const { BATOID_DEFAULT_TARGET: defaultTarget, BATOID_BACKGROUND: background, ...env } = process.env
  await main({ argv: process.argv, env, random: Math.random, defaultTarget, background })
} else {
  console.error(
    `batoid needs Node.js ${MINIMUM_NODE} or later, but this is ${process.versions.node}: install a newer Node.js and run again`,
  )
  process.exitCode = 2
}
