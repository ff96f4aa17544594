import { expect } from 'chai'
import { type Browser, chromium, type Page } from 'playwright-core'
import { type Cluster, startCluster } from '../helpers/cluster.ts'

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // What the browser itself asks for never reaches the page's routes; no name leads anywhere.
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
]

describe('/docs in a browser without a network', function () {
  this.timeout(60_000)
  let browser: Browser

  before(async () => {
    const executablePath = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium'
    browser = await chromium.launch({ executablePath, args: flags })
  })

  after(() => browser?.close())

  for (const prefix of ['/', '/demo']) {
    describe(`of an application at ${prefix}`, () => {
      let cluster: Cluster
      let page: Page
      let foreign: string[]
      let failed: string[]

      before(async () => {
        cluster = await startCluster('examples/classifier/main.ts:app', { args: ['--route-prefix', prefix] })
        page = await browser.newPage()
        foreign = []
        failed = []
        page.on('console', (message) => message.type() === 'error' && failed.push(message.text()))
        page.on('pageerror', (error) => failed.push(error.message))
        await page.route('**/*', (route) => {
          const url = route.request().url()
          if (new URL(url).hostname === '127.0.0.1') return route.continue()
          foreign.push(url)
          return route.abort()
        })
        await page.goto(`${cluster.url}/docs`)
      })

      after(async () => {
        await page?.close()
        await cluster?.stop()
        await cluster?.dispose()
      })

      const operation = () => page.locator('.opblock', { has: page.locator('[data-path="/model/predict"]') })

      it('shows the title and the operations', async () => {
        await operation().waitFor()
        expect(await page.title()).to.equal('FastAPI-Ray-Demo - Swagger UI')
        expect(await page.locator('.info .title').innerText()).to.match(/^FastAPI-Ray-Demo/)
        expect(await page.locator('.info__summary').innerText()).to.contain('Demo showcasing FastAPI')
      })

      it('answers "Try it out"', async () => {
        await operation().locator('.opblock-summary-control').click()
        await operation().getByRole('button', { name: 'Try it out' }).click()
        await operation().getByPlaceholder('input').fill('2')
        await operation().getByRole('button', { name: 'Execute' }).click()
        const response = operation().locator('.live-responses-table tr.response')
        expect(await response.locator('.response-col_status').innerText()).to.match(/^200/)
        expect(await response.locator('.highlight-code code').first().innerText()).to.equal('1')
      })

      it('has asked nobody else, and nothing in vain', () => {
        expect(foreign).to.deep.equal([])
        expect(failed).to.deep.equal([])
      })
    })
  }
})
