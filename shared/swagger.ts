import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

/** The page and what it loads: everything from here, nothing from the network. */

const contentTypes: ReadonlyMap<string, string> = new Map([
  ['swagger-ui-bundle.js', 'text/javascript; charset=utf-8'],
  ['swagger-ui.css', 'text/css; charset=utf-8'],
  ['favicon-32x32.png', 'image/png'],
])

/** Read once: a megabyte and a half, in those replicas alone that were asked. */
const bodies = new Map<string, Promise<Buffer<ArrayBuffer>>>()

/** One of the three files of Swagger UI that the page loads; `undefined` for every other name. */
export async function swaggerAsset(name: string): Promise<Response | undefined> {
  const type = contentTypes.get(name)
  if (type === undefined) return undefined
  const body = bodies.get(name) ?? readFile(new URL(name, directory()))
  bodies.set(name, body)
  return new Response(await body, { headers: { 'content-type': type, 'cache-control': 'public, max-age=86400' } })
}

/** The build puts the files beside this one; where it has not run, they are still in their package. */
function directory(): URL {
  const built = new URL('../swagger-ui/', import.meta.url)
  if (existsSync(built)) return built
  return pathToFileURL(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'))
}

/**
 * The page, with the options of FastAPI's. All addresses are relative, so that it works under any route prefix; without
 * `validatorUrl: null` Swagger UI sends the address of every page that is not on localhost to validator.swagger.io.
 */
export function swaggerPage(title: string): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1.0">
<link rel="stylesheet" href="docs/assets/swagger-ui.css">
<link rel="icon" type="image/png" href="docs/assets/favicon-32x32.png">
<title>${escapeHtml(title)} - Swagger UI</title>
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/assets/swagger-ui-bundle.js"></script>
<script>
SwaggerUIBundle({
  url: 'openapi.json',
  dom_id: '#swagger-ui',
  layout: 'BaseLayout',
  deepLinking: true,
  showExtensions: true,
  showCommonExtensions: true,
  validatorUrl: null,
})
</script>
</body>
</html>
`
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`)
}
