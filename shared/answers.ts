import { messageOf, report, ServeError } from './errors.ts'
import { type AnswerFrame, nameOf, type RequestFrame } from './frames.ts'
import { MAX_UNDER_WAY } from './requests.ts'

/** Lets `receive` do what was asked, and makes what goes back. Never rejects; a defect of `receive` is a problem too. */
export async function answerTo(
  { id, message }: RequestFrame,
  receive: (message: unknown) => unknown,
  problem: (text: string) => void,
): Promise<AnswerFrame> {
  try {
    return { kind: 'answer', id, value: await receive(message) }
  } catch (error) {
    if (!(error instanceof ServeError)) problem(`${nameOf(message)} could not be handled: ${messageOf(error)}`)
    return { kind: 'failure', id, error: report(error) }
  }
}

/** Every instance of a fair-sized cluster, and those that have just gone. */
const MAX_INSTANCES = 300

interface Lately {
  readonly running: Map<number, Promise<AnswerFrame>>
  /** In the order in which they were given. */
  readonly given: Map<number, AnswerFrame>
}

/**
 * What the instances have asked lately, so that a request which comes again after a reconnect is answered again, not
 * performed again. What is still running is never forgotten; of what was given, as much is kept as one instance can
 * have under way. A restarted server knows nothing: then a request may be performed once by each.
 */
export class AnswerMemory {
  readonly #instances = new Map<string, Lately>()

  /** Performs a request unless it is known. */
  async once(instance: string, id: number, perform: () => Promise<AnswerFrame>): Promise<AnswerFrame> {
    const lately = this.#recall(instance)
    const known = lately.given.get(id) ?? lately.running.get(id)
    if (known !== undefined) return known
    const running = perform()
    lately.running.set(id, running)
    const answer = await running
    lately.running.delete(id)
    lately.given.set(id, answer)
    forget(lately.given, MAX_UNDER_WAY, () => true)
    return answer
  }

  #recall(instance: string): Lately {
    const lately = this.#instances.get(instance) ?? { running: new Map(), given: new Map() }
    this.#instances.delete(instance)
    this.#instances.set(instance, lately)
    forget(this.#instances, MAX_INSTANCES, ({ running }) => running.size === 0)
    return lately
  }
}

/** Deletes the oldest entries beyond `limit`, passing over those that may not go. */
function forget<Key, Value>(entries: Map<Key, Value>, limit: number, mayGo: (value: Value) => boolean): void {
  for (const [key, value] of entries) {
    if (entries.size <= limit) return
    if (mayGo(value)) entries.delete(key)
  }
}
