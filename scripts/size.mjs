// Bundles the client as an application would, and fails when it is larger than promised.
import { gzipSync } from 'node:zlib'
import { build } from 'vite'

const LIMIT = 6400

const { output } = await build({
  configFile: false,
  root: new URL('../client', import.meta.url).pathname,
  logLevel: 'error',
  build: {
    write: false,
    // Without Vite's own code for preloading, which an application has once for all its chunks.
    ssr: true,
    minify: true,
    target: 'es2023',
    modulePreload: false,
    rollupOptions: {
      input: new URL('../client/index.ts', import.meta.url).pathname,
      preserveEntrySignatures: 'strict',
    },
  },
})
const [chunk] = output
if (process.env.SIZE_PRINT) process.stdout.write(chunk.code)
const size = gzipSync(chunk.code, { level: 9 }).length
console.log(`client: ${chunk.code.length} bytes minified, ${size} of ${LIMIT} bytes gzipped`)
if (size > LIMIT) process.exitCode = 1
