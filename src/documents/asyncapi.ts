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
    channels: {
      chat: chatChannel(),
      events: eventsChannel(),
      actions: actionsChannel(),
      echo: echoChannel(),
    },
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
    messages: refs(names.filter((name) => name !== 'data')),
    bindings: { ws: { method: 'GET', bindingVersion: '0.1.0' } },
  }
}

/** What the server sends, and what it is sent, where a WebSocket carries both. */
const sent = events.map(eventName)
const answers = ACTION_NAMES.filter((name) => name !== 'ping').map(replyName)

function eventsChannel(): object {
  return {
    address: '/chat/events',
    title: 'Rooms: the way down without WebSocket',
    description:
      'Server-Sent Events; each `data` is one event. The last one, `close`, has the code.',
    messages: refs([...sent, ...answers]),
    bindings: { http: { bindingVersion: '0.3.0' } },
  }
}

function actionsChannel(): object {
  return {
    address: '/chat/actions',
    title: 'Rooms: the way up without WebSocket',
    description: 'POST, one action as JSON or one a line; answered in the events.',
    messages: refs(ACTION_NAMES),
    bindings: { http: { bindingVersion: '0.3.0' } },
  }
}

function refs(names: readonly string[]): object {
  return Object.fromEntries(names.map((name) => [name, ref(`components/messages/${name}`)]))
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
    streamed: {
      action: 'send',
      channel: ref('channels/events'),
      summary: 'All of it as Server-Sent Events.',
      messages: [...sent, ...answers].map((name) => ref(`channels/events/messages/${name}`)),
    },
    posted: {
      action: 'receive',
      channel: ref('channels/actions'),
      summary: 'Actions for a stream.',
      messages: ACTION_NAMES.map((name) => ref(`channels/actions/messages/${name}`)),
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
function eventName(name: string): string {
  return name in ActionSchemas ? `${name}_event` : name
}

function replyName(name: string): string {
  return `${name}_ok`
}
