import type { Administration } from './administration.js'
import type { BrokerHandler, DirectMessage } from './broker/broker.js'
import type { ConnectionRegistry } from './connections/registry.js'
import type { NodeQuestion, Nodes } from './nodes/nodes.js'
import type { Post, Posts } from './posts.js'
import { encodeDirect } from './protocol/encode.js'
import type { Rooms } from './rooms/rooms.js'

/** Who is concerned with what the broker tells. */
export interface Listeners {
  readonly rooms: Rooms
  readonly connections: ConnectionRegistry
  readonly administration: Administration
  readonly nodes: Nodes
  readonly posts: Posts
}

/** What one node asks another, as it travels. */
type Question = NodeQuestion | { readonly kind: 'post'; readonly post: Post }

/** Hands everything that the broker tells this node to the part that it is for. */
export function createBrokerHandler(listeners: Listeners): BrokerHandler {
  const { rooms, administration, connections } = listeners
  return {
    message: (room, epoch, message) => rooms.message(room, epoch, message),
    reset: (room, position) => rooms.reset(room, position),
    presence: (room, change) => rooms.presence(room, change),
    signal: (room, signal) => rooms.signal(room, signal),
    direct: (user, message) => sendDirect(connections, user, message),
    command: (command) => administration.execute(command),
    answer: (question) => answer(listeners, JSON.parse(question)),
  }
}

/** Returns to how many connections it was sent. */
function sendDirect(connections: ConnectionRegistry, user: string, message: DirectMessage): number {
  const event = encodeDirect(message)
  let count = 0
  for (const connection of connections.ofUser(user)) {
    if (connection.endpoint !== 'chat') continue
    connection.send(event)
    count++
  }
  return count
}

async function answer({ posts, nodes }: Listeners, question: Question): Promise<string> {
  return JSON.stringify(
    question.kind === 'post' ? await posts.answer(question.post) : nodes.answer(question),
  )
}
