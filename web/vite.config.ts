import { fileURLToPath } from 'node:url'
import { defineConfig, type Plugin } from 'vite'
import { precompress } from './precompress.js'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** Holds the first paint until the script ran, so that a chosen theme never flashes the other one. */
const paintWhenReady: Plugin = {
  name: 'paint-when-ready',
  transformIndexHtml: {
    order: 'post',
    handler: (html) =>
      html.replaceAll('<script type="module"', '<script type="module" blocking="render"'),
  },
}

/**
 * The pages go into `public/`. Every address in them is relative, so that they work wherever the
 * service is mounted, and nothing is inlined, so that a strict Content-Security-Policy holds.
 */
export default defineConfig({
  base: './',
  publicDir: false,
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  resolve: { alias: { 'parley/client': here('../client/index.ts') } },
  plugins: [paintWhenReady, precompress],
  build: {
    outDir: here('../public'),
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: {
        chat: here('index.html'),
        echo: here('echo.html'),
        admin: here('admin.html'),
        docs: here('docs.html'),
      },
      output: { codeSplitting: { groups: [{ name: 'shared', minShareCount: 2 }] } },
    },
  },
})
