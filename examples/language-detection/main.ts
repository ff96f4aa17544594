// Says in which programming language a text is written. Run it with `npm start -- examples/language-detection/main.ts:app`
import { createRoute, z } from '@hono/zod-openapi'
import languageDetection from '@vscode/vscode-languagedetection'
import { api, deployment } from 'batoid'

const Languages = z.object({ languages: z.array(z.object({ id: z.string(), confidence: z.number() })) })

const detect = createRoute({
  method: 'post',
  path: '/detect',
  request: { body: { required: true, content: { 'application/json': { schema: z.object({ text: z.string() }) } } } },
  responses: { 200: { description: 'The likeliest first', content: { 'application/json': { schema: Languages } } } },
})

async function LanguageDetection() {
  const model = new languageDetection.ModelOperations()
  await model.runModel('function main() { return 0 }') // loads the weights: no request shall wait for them

  const app = api({ title: 'Language detection', summary: 'The model of Visual Studio Code', version: '1.0.0' })
  app.openapi(detect, async (c) => {
    const results = await model.runModel(c.req.valid('json').text)
    return c.json({ languages: results.map(({ languageId, confidence }) => ({ id: languageId, confidence })) })
  })
  return app
}

export const app = deployment(LanguageDetection, { numReplicas: 2 }).bind()
