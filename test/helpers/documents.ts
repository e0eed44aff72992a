import { buildApp } from '../../src/app.js'
import { resolveConfig } from '../../src/config.js'
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
