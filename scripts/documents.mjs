// Writes the documents that follow from the code, from what `npm run build` compiled. A test fails
// when the committed ones differ.
import { writeFileSync } from 'node:fs'
import { documents, pages } from '../build/test/helpers/documents.js'

const root = new URL('../', import.meta.url)

for (const [name, document] of Object.entries(await documents())) {
  writeFileSync(new URL(`docs/${name}.json`, root), `${JSON.stringify(document, null, 2)}\n`)
}
for (const [path, text] of Object.entries(pages())) writeFileSync(new URL(path, root), text)
