import type { Instant } from '../shared/clock.ts'

/** How often a replica's main thread gives a sign, and how often its watchdog looks for it. */
export const LOOK_MS = 250
/** How often it looks once it has a suspicion. */
export const CLOSE_LOOK_MS = 100
/** An event loop that comes round this often is never suspected. */
const SUSPECT_AFTER_MS = 750
/**
 * What the main thread has computed meanwhile, at least. On a machine that is overloaded it may give no sign for long
 * without having done anything wrong: it did not get to run.
 */
const SUSPECT_AFTER_CPU_MS = 250
/** JavaScript that answers between two native calls is not yet JavaScript without end. */
const ANSWERS_TO_CONVICT = 2
const MISSES_TO_ACQUIT = 20

/** What the watchdog's thread is started with. */
export interface WatchdogSettings {
  /** By the next two: how many signs the main thread has given, and for how long it may give none. */
  readonly shared: Int32Array
  /** Is there while the main thread gives no sign and should. */
  readonly file: string
}

export const BEATS = 0
export const LIMIT_MS = 1

/** What the watchdog sees of the main thread. */
export interface Sight {
  readonly now: Instant
  /** How many signs it has given. */
  readonly beats: number
  /** How long it has computed. */
  readonly cpuMs: number
}

/** What became of a question that V8 answers between two instructions of JavaScript, and never within a native call. */
export type Answer = 'in time' | 'missing'

/** The main thread since its last sign. */
export interface Silence {
  readonly last: Sight
  readonly atBeat: Sight
  readonly lastedMs: number
  /** Above 0: answers in time in a row, below: missing ones. */
  readonly score: number
  readonly isLooping: boolean
}

export type Opinion =
  /** It gives signs, or is quiet for a good reason. */
  | 'well'
  /** It is running JavaScript that does not let the event loop run. */
  | 'looping'
  /** Whatever it is doing, it has been doing it for too long. */
  | 'silent'

export function silenceFrom(sight: Sight): Silence {
  return { last: sight, atBeat: sight, lastedMs: 0, score: 0, isLooping: false }
}

/** A look that comes late, after a stop or a pause of the whole process, counts no more than one in time. */
export function look(silence: Silence, sight: Sight): Silence {
  if (sight.beats !== silence.last.beats) return silenceFrom(sight)
  const passedMs = Math.min(sight.now - silence.last.now, 2 * LOOK_MS)
  return { ...silence, last: sight, lastedMs: silence.lastedMs + passedMs }
}

export function hear(silence: Silence, answer: Answer): Silence {
  const score = answer === 'in time' ? Math.max(0, silence.score) + 1 : Math.min(0, silence.score) - 1
  const isLooping = silence.isLooping ? score > -MISSES_TO_ACQUIT : score >= ANSWERS_TO_CONVICT
  return { ...silence, score, isLooping }
}

/** Whether it is worth to ask. */
export function isSuspect({ last, atBeat, lastedMs }: Silence): boolean {
  return lastedMs >= SUSPECT_AFTER_MS && last.cpuMs - atBeat.cpuMs >= SUSPECT_AFTER_CPU_MS
}

/** `limitMs`: how long it may be silent whatever it does. */
export function opinion({ lastedMs, isLooping }: Silence, limitMs: number): Opinion {
  if (isLooping) return 'looping'
  return lastedMs >= limitMs ? 'silent' : 'well'
}
