import { sibling } from '../shared/endpoints.js'
import { requestJson } from '../shared/http.js'
import type { Schema } from './schema.js'

interface Content {
  readonly [type: string]: { readonly schema?: Schema }
}

export interface RestOperation {
  readonly summary?: string
  readonly description?: string
  readonly tags?: readonly string[]
  readonly security?: readonly object[]
  readonly parameters?: readonly {
    readonly name: string
    readonly in: string
    readonly required?: boolean
    readonly description?: string
    readonly schema: Schema
  }[]
  readonly requestBody?: { readonly content: Content }
  readonly responses: Readonly<Record<string, { description: string; content?: Content }>>
}

export interface OpenApi {
  readonly info: { readonly version: string; readonly description: string }
  readonly tags: readonly { readonly name: string; readonly description: string }[]
  readonly paths: Readonly<Record<string, Readonly<Record<string, RestOperation>>>>
}

export interface SocketMessage {
  readonly name: string
  readonly summary?: string
  readonly payload: Schema
}

export interface AsyncApi {
  readonly info: { readonly description: string }
  readonly channels: Readonly<Record<string, { address: string; description: string }>>
  readonly operations: Readonly<
    Record<string, { action: string; messages: readonly { $ref: string }[] }>
  >
  readonly components: { readonly messages: Readonly<Record<string, SocketMessage>> }
}

export interface Documents {
  readonly openapi: OpenApi
  readonly asyncapi: AsyncApi
}

/** Both documents of this server. Rejects with `HttpError` or `Unreachable`. */
export async function loadDocuments(): Promise<Documents> {
  const [openapi, asyncapi] = await Promise.all(
    ['openapi.json', 'asyncapi.json'].map((name) => requestJson(sibling(name).href)),
  )
  return { openapi: openapi as OpenApi, asyncapi: asyncapi as AsyncApi }
}

/** The name of the message that a reference leads to. */
export function messageName({ $ref }: { readonly $ref: string }): string {
  return $ref.slice($ref.lastIndexOf('/') + 1)
}
