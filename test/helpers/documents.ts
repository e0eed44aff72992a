import { buildApp } from '../../src/app.js'
import { resolveConfig } from '../../src/config.js'
import { configurationPage, envExample, errorsPage } from '../../src/documents/pages.js'
import { JWT_SECRET } from './jwt.js'

/** The documents that the service serves with every route on. */
export async function documents(): Promise<{ openapi: object; asyncapi: object }> {
  const settings = { jwtSecret: [JWT_SECRET], dataDir: ':memory:', guests: true }
  const app = await buildApp(resolveConfig({ ...settings, logLevel: 'silent' }))
  try {
    const openapi = (await app.inject('/openapi.json')).json()
    const asyncapi = (await app.inject('/asyncapi.json')).json()
    return { openapi, asyncapi }
  } finally {
    await app.close()
  }
}

/** The pages that are written from the code, by their path in the repository. */
export function pages(): Record<string, string> {
  return {
    'docs/configuration.md': configurationPage(),
    'docs/errors.md': errorsPage(),
    '.env.example': envExample(),
  }
}
