// Counts words, without a word about HTTP: what call() returns becomes the answer.
// Run it with `npm start -- examples/word-count/main.ts:app`
import { currentRequest, deployment } from 'batoid'

class WordCount {
  async call(request: Request) {
    const words = (await request.text()).toLowerCase().match(/\p{L}+/gu) ?? []
    console.log(`${words.length} words at ${currentRequest()?.path}`)
    return { words: words.length, different: new Set(words).size }
  }
}

export const app = deployment(WordCount, { numReplicas: 2 }).bind()
