// Writes docs/openapi.json and docs/asyncapi.json from what `npm run build` compiled. A test fails
// when they differ from what the service serves.
import { writeFileSync } from 'node:fs'
import { documents } from '../build/test/helpers/documents.js'

for (const [name, document] of Object.entries(await documents())) {
  const path = new URL(`../docs/${name}.json`, import.meta.url)
  writeFileSync(path, `${JSON.stringify(document, null, 2)}\n`)
}
