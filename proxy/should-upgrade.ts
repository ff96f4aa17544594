import { IncomingMessage } from 'node:http'

/**
 * A server with a listener for `upgrade` gets every request there that has an Upgrade header, and must answer it on the
 * bare connection. With this class of messages it gets those for which `isWanted` holds; the others are ordinary
 * requests, as RFC 9110, 7.8 allows and clients that offer h2c expect. Node's `shouldUpgradeCallback`, which is the same
 * and may replace this, is newer than Node 20.
 */
export function upgradableMessage(isWanted: (request: IncomingMessage) => boolean): typeof IncomingMessage {
  return class extends IncomingMessage {
    #isAsked: boolean | undefined
    #isGranted: boolean | undefined

    /** Node's parser sets it when the head asks for an upgrade, and asks it back when the headers are known. */
    get upgrade(): boolean {
      if (this.#isAsked !== true) return false
      this.#isGranted ??= this.method === 'CONNECT' || isWanted(this)
      return this.#isGranted
    }

    set upgrade(isAsked: boolean | null) {
      // The constructor of IncomingMessage sets it first, before the fields of this class exist.
      if (isAsked !== null) this.#isAsked = isAsked
    }
  }
}
