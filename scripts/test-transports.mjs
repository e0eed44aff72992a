// Runs the end-to-end tests of the chat page again for each other way in: in Chromium over TLS
// and HTTP/1.1, over HTTP/2, and over Server-Sent Events behind an nginx that drops upgrade headers.
import { spawnSync } from 'node:child_process'

const SUITES = ['pages', 'pages-recovery']

for (const TRANSPORT of ['tls', 'h2', 'sse']) {
  // The certificates are the tests' own.
  const env = {
    ...process.env,
    TRANSPORT,
    NODE_TLS_REJECT_UNAUTHORIZED: '0',
    NODE_NO_WARNINGS: '1',
    // As in .taprc, seconds.
    TAP_TIMEOUT: '240',
  }
  for (const suite of SUITES) {
    console.log(`# ${suite} over ${TRANSPORT}`)
    const file = new URL(`../build/test/e2e/${suite}.test.js`, import.meta.url).pathname
    const { status } = spawnSync(process.execPath, [file], { env, stdio: 'inherit' })
    if (status !== 0) process.exitCode = 1
  }
}
