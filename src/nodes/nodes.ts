import type { Broker } from '../broker/broker.js'
import type { Clock } from '../clock.js'
import type { ConnectionRegistry } from '../connections/registry.js'
import {
  type After,
  type ConnectionInfo,
  type ConnectionsQuery,
  describeConnection,
  listConnections,
} from './connection-list.js'
import type { NodeSummary } from './summary.js'

/** What a node is asked by another. */
export type NodeQuestion =
  | { readonly kind: 'introduction'; readonly round: number; readonly summary: NodeSummary }
  | { readonly kind: 'connections'; readonly query: ConnectionsQuery }
  | { readonly kind: 'connection'; readonly id: string }
  | { readonly kind: 'drain' }

/** How many connections are sent away, and over how many seconds. */
export interface DrainAnswer {
  readonly connections: number
  readonly seconds: number
}

export interface NodesOptions {
  readonly broker: Broker
  readonly clock: Clock
  readonly connections: ConnectionRegistry
  readonly summary: () => NodeSummary
  /** Starts to send everyone away from this node. */
  readonly drain: () => DrainAnswer
  readonly drainSeconds: number
}

/** Where a list over all nodes goes on. */
export interface ListPlace extends After {
  readonly node: string
}

export interface ConnectionsPage {
  readonly connections: ConnectionInfo[]
  /** Open connections of all nodes. */
  readonly count: number
  readonly next: ListPlace | undefined
}

/** The nodes that are asked to introduce themselves at the moment. */
interface Round {
  readonly number: number
  readonly heard: Map<string, NodeSummary>
  /** Undefined when nobody is known, so that nobody can be the last one. */
  readonly awaited: Set<string> | undefined
  done: () => void
}

/** How long nodes have that were there the last time; and all of them when nobody is known, ms. */
const PATIENCE = 1000
const FIRST_PATIENCE = 300

/** After this long without a question nobody counts as known any more, milliseconds. */
const KNOWN_FOR = 30_000

/**
 * What administrators see and do over all nodes. Nobody keeps a list of nodes: who wants to know
 * calls, and whoever hears it introduces itself. That costs nothing while nobody looks, and a node
 * that is gone is not on any list.
 */
export class Nodes {
  readonly #options: NodesOptions
  #gathering: Promise<NodeSummary[]> | undefined
  #round: Round | undefined
  #rounds = 0
  #known = new Set<string>()
  #askedAt = Number.NEGATIVE_INFINITY

  constructor(options: NodesOptions) {
    this.#options = options
  }

  /** Every node that answers, this one included, by name. */
  all(): Promise<NodeSummary[]> {
    this.#gathering ??= this.#gather().finally(() => {
      this.#gathering = undefined
    })
    return this.#gathering
  }

  /** A page of the connections of all nodes: node by node, oldest first. */
  async connections(
    query: Omit<ConnectionsQuery, 'after'>,
    from?: ListPlace,
  ): Promise<ConnectionsPage> {
    const nodes = await this.all()
    const count = nodes.reduce((sum, { connections }) => sum + connections, 0)
    const wanted = query.limit + 1
    const found: ConnectionInfo[] = []
    for (const { node } of nodes) {
      if (found.length >= wanted || (from && node < from.node)) continue
      const after = from?.node === node ? { after: from } : {}
      const question = { ...query, ...after, limit: wanted - found.length }
      found.push(...((await this.#list(node, question)) ?? []))
    }
    const connections = found.slice(0, query.limit)
    const last = connections.at(-1)
    return { connections, count, next: found.length > query.limit ? last : undefined }
  }

  /** One connection, wherever it is. */
  async connection(id: string): Promise<ConnectionInfo | undefined> {
    const here = this.#describe(id)
    if (here) return here
    const others = (await this.all()).filter(({ node }) => node !== this.#options.broker.node)
    const question = { kind: 'connection', id } as const
    const answers = await Promise.all(others.map(({ node }) => this.#ask(node, question)))
    return answers.find((answer) => answer) as ConnectionInfo | undefined
  }

  /** Drains a node. Undefined when there is none of that name. */
  async drain(node: string): Promise<DrainAnswer | undefined> {
    if (node === this.#options.broker.node) return this.#options.drain()
    const answer = await this.#options.broker.ask(node, JSON.stringify({ kind: 'drain' }))
    return answer === undefined ? undefined : JSON.parse(answer)
  }

  /** Drains every node there is. */
  async drainAll(): Promise<DrainAnswer> {
    const { broker, drainSeconds: seconds } = this.#options
    const nodes = await this.all()
    await broker.command({ command: 'drain' })
    return { connections: nodes.reduce((sum, node) => sum + node.connections, 0), seconds }
  }

  /** Does what the command `introduce` asks for. */
  introduce(to: string, round: number): void {
    const { broker, summary } = this.#options
    if (to === broker.node) return
    void this.#ask(to, { kind: 'introduction', round, summary: summary() })
  }

  /** Answers another node. */
  answer(question: NodeQuestion): unknown {
    const { connections, broker, drain } = this.#options
    switch (question.kind) {
      case 'introduction':
        this.#introduced(question.round, question.summary)
        return null
      case 'connections':
        return listConnections(connections, broker.node, question.query)
      case 'connection':
        return this.#describe(question.id) ?? null
      case 'drain':
        return drain()
    }
  }

  /** Calls, and listens until everyone known has answered; where nobody is known, for a while. */
  async #gather(): Promise<NodeSummary[]> {
    const { broker, clock, summary } = this.#options
    const now = clock.monotonic()
    const fresh = now - this.#askedAt < KNOWN_FOR
    this.#askedAt = now
    const heard = new Map([[broker.node, summary()]])
    const awaited = fresh ? new Set(this.#known) : undefined
    const round: Round = { number: ++this.#rounds, heard, awaited, done: () => {} }
    const everyone = new Promise<void>((resolve) => {
      round.done = resolve
    })
    this.#round = round
    const timeout = clock.after(fresh ? PATIENCE : FIRST_PATIENCE, round.done)
    if (awaited?.size === 0) round.done()
    try {
      await broker.command({ command: 'introduce', to: broker.node, round: round.number })
      await everyone
    } catch {
      // The broker is away: this node can still be looked at.
    }
    timeout.cancel()
    this.#known = new Set([...heard.keys()].filter((node) => node !== broker.node))
    return [...heard.values()].sort((a, b) => (a.node < b.node ? -1 : 1))
  }

  /** A node that is late is awaited the next time. */
  #introduced(number: number, summary: NodeSummary): void {
    const round = this.#round
    this.#known.add(summary.node)
    if (round?.number !== number) return
    round.heard.set(summary.node, summary)
    round.awaited?.delete(summary.node)
    if (round.awaited?.size === 0) round.done()
  }

  async #list(node: string, query: ConnectionsQuery): Promise<ConnectionInfo[] | undefined> {
    const { connections, broker } = this.#options
    if (node === broker.node) return listConnections(connections, node, query)
    return (await this.#ask(node, { kind: 'connections', query })) as ConnectionInfo[] | undefined
  }

  #describe(id: string): ConnectionInfo | undefined {
    const { connections, broker } = this.#options
    const connection = connections.get(id)
    return connection && describeConnection(broker.node, connection)
  }

  /** Undefined when the node is gone or does not answer: the others are worth showing. */
  async #ask(node: string, question: NodeQuestion): Promise<unknown> {
    try {
      const answer = await this.#options.broker.ask(node, JSON.stringify(question))
      return answer === undefined ? undefined : JSON.parse(answer)
    } catch {
      return undefined
    }
  }
}
