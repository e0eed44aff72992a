import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'
import type { Test } from 'tap'
import { TRANSPORT } from './transport.js'

const EXECUTABLE = process.env.CHROMIUM ?? '/usr/bin/chromium'

/** Why tests that need Chromium are skipped, or false where it has to be there. */
export const chromiumMissing: string | false =
  existsSync(EXECUTABLE) || process.env.REQUIRE_SERVICES === '1'
    ? false
    : `there is no Chromium at ${EXECUTABLE}`

/**
 * Starts a headless Chromium that talks to nobody by itself; it is gone at the test's end.
 * @param transport how it comes in: over TLS it takes any certificate
 */
export async function launchChromium(t: Test, transport = TRANSPORT): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath: EXECUTABLE,
    args: [
      '--no-sandbox',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
      ...(transport === undefined ? [] : ['--ignore-certificate-errors']),
      ...(transport === 'tls' ? ['--disable-http2'] : []),
    ],
  })
  t.teardown(() => browser.close())
  return browser
}
