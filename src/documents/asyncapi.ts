import { ACTION_NAMES, type ActionName, ActionSchemas } from '../protocol/actions.js'
import { EventSchemas } from '../protocol/events.js'
import { SUBPROTOCOL } from '../protocol/limits.js'
import { ResultSchemas } from '../protocol/results.js'
import { VERSION } from '../version.js'

const ABOUT: Record<ActionName, string> = {
  join: 'Joins a room; the reply holds the position, members and messages from which to go on.',
  leave: 'Leaves a room.',
  send_to_room: 'Stores a message and delivers it to every member, the sender included.',
  send_to_user: 'Delivers to every live connection of a user. Not stored.',
  signal: 'Delivers to the members online now. Not stored; answered only with an `id`.',
  history: 'A page of stored messages.',
  members: 'Who is in a room, across all nodes.',
  auth: 'Replaces the token in place, for the same user.',
  ping: 'Answered with `pong`.',
}

const ref = (path: string) => ({ $ref: `#/${path}` })
const message = (name: string, payload: object) => ({ name, title: name, payload })
const events = Object.keys(EventSchemas).filter((name) => name !== 'ok')

/** The WebSocket protocol as an AsyncAPI 3 document, from the schemas that the server runs on. */
export function asyncApiDocument(): object {
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Parley over WebSocket',
      version: VERSION,
      description: `Rooms on \`/chat\` (subprotocol \`${SUBPROTOCOL}\`), an echo on \`/ws\`. Every text message is one JSON object; an action with an \`id\` gets exactly one \`ok\` or \`error\` with the same \`id\`.`,
      license: { name: 'MIT' },
    },
    defaultContentType: 'application/json',
    channels: { chat: chatChannel(), echo: echoChannel() },
    operations: operations(),
    components: { messages: messages() },
  }
}

function chatChannel(): object {
  const names = Object.keys(messages())
  return {
    address: '/chat',
    title: 'Rooms',
    description:
      'The token travels as `Authorization: Bearer`, as the subprotocol `bearer.<token>`, in a cookie, or as `?ticket=`.',
    messages: Object.fromEntries(
      names
        .filter((name) => name !== 'data')
        .map((name) => [name, ref(`components/messages/${name}`)]),
    ),
    bindings: { ws: { method: 'GET', bindingVersion: '0.1.0' } },
  }
}

function echoChannel(): object {
  return {
    address: '/ws',
    title: 'Echo',
    description: 'Every message comes back, same type, same bytes.',
    messages: { data: ref('components/messages/data') },
    bindings: { ws: { method: 'GET', bindingVersion: '0.1.0' } },
  }
}

/** Operations as AsyncAPI sees them: `receive` is what this application receives. */
function operations(): Record<string, object> {
  const here = (name: string) => ref(`channels/chat/messages/${name}`)
  const ofActions = ACTION_NAMES.map((name) => {
    const replies = name === 'ping' ? ['pong'] : [replyName(name), 'error']
    const operation = {
      action: 'receive',
      channel: ref('channels/chat'),
      summary: ABOUT[name],
      messages: [here(name)],
      reply: { channel: ref('channels/chat'), messages: replies.map(here) },
    }
    return [name, operation] as const
  })
  return {
    ...Object.fromEntries(ofActions),
    events: {
      action: 'send',
      channel: ref('channels/chat'),
      summary: 'What the server sends by itself.',
      messages: events.map((name) => here(eventName(name))),
    },
    echo: {
      action: 'receive',
      channel: ref('channels/echo'),
      messages: [ref('channels/echo/messages/data')],
      reply: {
        channel: ref('channels/echo'),
        messages: [ref('channels/echo/messages/data')],
      },
    },
  }
}

function messages(): Record<string, object> {
  const all: Record<string, object> = {
    data: { name: 'data', title: 'data', payload: { description: 'Any text or bytes' } },
  }
  for (const name of ACTION_NAMES) {
    all[name] = { ...message(name, ActionSchemas[name]), summary: ABOUT[name] }
    if (name === 'ping') continue
    all[replyName(name)] = message(`ok of ${name}`, okSchema(name))
  }
  for (const name of events) {
    all[eventName(name)] = message(name, EventSchemas[name as keyof typeof EventSchemas])
  }
  return all
}

function okSchema(name: Exclude<ActionName, 'ping'>): object {
  return { allOf: [EventSchemas.ok, ResultSchemas[name]] }
}

/** An event and an action have the same name: `signal`. */
const eventName = (name: string) => (name in ActionSchemas ? `${name}_event` : name)
const replyName = (name: string) => `${name}_ok`
