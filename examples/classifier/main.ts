// A toy classifier behind two replicas. Run it with `npm start`, then open http://127.0.0.1:8000/docs
import { createRoute, z } from '@hono/zod-openapi'
import { api, deployment } from 'batoid'
import { DummyModel } from './classifier.ts'

const root = createRoute({
  method: 'get',
  path: '/',
  responses: { 200: { description: 'A greeting', content: { 'application/json': { schema: z.string() } } } },
})

const predict = createRoute({
  method: 'post',
  path: '/model/predict',
  request: { query: z.object({ input: z.string() }) },
  responses: { 200: { description: 'The class of the input', content: { 'application/json': { schema: z.int() } } } },
})

function ClassifierDeployment() {
  const model = new DummyModel()
  const app = api({
    title: 'FastAPI-Ray-Demo',
    summary: 'Demo showcasing FastAPI with Ray for ML model serving',
    version: '0.0.1',
  })
  app.openapi(root, (c) => c.json('Hello, world!'))
  app.openapi(predict, (c) => c.json(model.predict(c.req.valid('query').input)))
  return app
}

export const app = deployment(ClassifierDeployment, {
  numReplicas: 2,
  rayActorOptions: { numCpus: 0.2, numGpus: 0 },
}).bind()
