/** Every word of the pages. */

const many = (count: number, one: string, more: string) => `${count} ${count === 1 ? one : more}`

/** "Ann", "Ann and Bo", "Ann, Bo and 3 others". */
function names(list: readonly string[]): string {
  const [first = '', second = '', ...others] = list
  if (list.length <= 1) return first
  if (others.length === 0) return `${first} and ${second}`
  return `${first}, ${second} and ${many(others.length, 'other', 'others')}`
}

export const strings = {
  locale: 'en',
  product: 'Parley',
  today: 'Today',
  yesterday: 'Yesterday',
  close: 'Close',
  showAll: 'Show all of it',
  theme: {
    system: 'Colours: as the system. Change to light',
    light: 'Colours: light. Change to dark',
    dark: 'Colours: dark. Change to as the system',
  },

  welcome: {
    title: 'Parley',
    lead: 'Rooms to talk in. What you send arrives once, in order, and is not lost when the line is.',
    nick: 'Your name',
    nickHint: 'As the others will see it.',
    enter: 'Enter',
    entering: 'Wait …',
    haveToken: 'I was given a token',
    token: 'Token',
    tokenHint: 'A JSON Web Token for this service. It is kept until this tab is closed.',
    useToken: 'Enter with this token',
    echo: 'Echo tester',
  },

  connection: {
    idle: 'Not connected',
    connecting: 'Connecting',
    connected: 'Connected',
    reconnecting: 'Reconnecting',
    closed: 'Disconnected',
    failed: 'Disconnected',
  },
  retryIn: (seconds: number) => (seconds > 0 ? `Next try in ${seconds} s` : 'Trying now'),
  retryNow: 'Reconnect now',
  lost: {
    offline: 'This device is offline.',
    away: 'The server does not answer.',
    hint: 'What you write is kept and goes out in order.',
  },
  newToken: 'Enter again',

  rooms: {
    title: 'Rooms',
    yours: 'Your rooms',
    others: 'Also here',
    none: 'None yet',
    join: 'Join',
    name: 'Room name',
    people: (count: number) => (count === 1 ? 'person' : 'people'),
    unread: (count: number) => (count === 1 ? 'unread message' : 'unread messages'),
    menu: (unread: number) =>
      unread > 0 ? `Rooms, ${many(unread, 'unread message', 'unread messages')}` : 'Rooms',
  },

  home: {
    title: 'Where to?',
    lead: 'A room is a name that two people agree on. The first to join makes it.',
    suggest: 'Join room 8888',
    steps: [
      ['Join a room.', 'Any name or number makes one.'],
      ['Open it twice.', 'Share its address, or open it in a second window.'],
      [
        'Pull the plug.',
        'Go offline, keep writing, come back: each message arrives once, in order.',
      ],
    ] as const,
  },

  room: {
    messages: (name: string) => `Messages in ${name}`,
    joining: 'Joining …',
    emptyTitle: 'Nothing said yet',
    emptyLead: 'Write the first message, or share its address.',
    beginning: 'The room begins here',
    loadingOlder: 'Loading older messages …',
    unread: 'New',
    toEnd: (unread: number) =>
      unread > 0 ? many(unread, 'new message', 'new messages') : 'To the end',
    you: 'You',
    sending: 'Sending',
    waiting: 'Waits for the connection',
    sent: 'Sent',
    notSent: (why: string) => `Not sent: ${why}`,
    retry: 'Send again',
    discard: 'Discard',
    joined: (who: readonly string[]) => `${names(who)} joined`,
    left: (who: readonly string[]) => `${names(who)} left`,
    typing: (who: readonly string[]) => `${names(who)} ${who.length === 1 ? 'is' : 'are'} writing`,
    compose: (name: string) => `Message to ${name}`,
    send: 'Send',
    tooLong: (over: string) => `Too long by ${over}`,
    tryAgain: 'Try again',
    leaveThis: 'Leave this room',
  },

  people: {
    title: 'Here now',
    open: (count: number) => `Here now: ${many(count, 'person', 'people')}`,
    you: 'you',
    more: (count: number) => `and ${many(count, 'other', 'others')}`,
    copyLink: 'Copy the address',
    copied: 'Copied',
    leave: 'Leave the room',
  },

  self: {
    rename: 'Change name',
    leave: 'Sign out',
    save: 'Change',
  },

  echo: {
    title: 'Echo tester',
    chat: 'Chat',
    states: { closed: 'Closed', connecting: 'Connecting', open: 'Open', closing: 'Closing' },

    connection: 'Connection',
    address: 'Address',
    protocols: 'Subprotocols',
    token: 'Token',
    tokenHint: 'Sent as a subprotocol, never in the address.',
    guestToken: 'Get a guest’s',
    guestByItself: 'Get one when this service asks for it',
    guestNick: 'Echo tester',
    noGuestToken: (why: string) => `No guest’s token: ${why}`,
    none: 'None',
    connect: 'Connect',

    sending: 'Send',
    message: 'Message',
    format: 'How the message is written',
    formats: { text: 'Text', hex: 'Hex', base64: 'Base64' },
    sample: 'Hello, is anybody there?',
    notBytes: {
      hex: 'Hex is pairs of the digits 0–9 and a–f, like “de ad be ef”.',
      base64: 'This is not Base64, like “3q2+7w==”.',
    },
    send: 'Send',
    randomBytes: 'Random bytes',
    sendRandom: 'Send random',

    ending: 'Close',
    code: 'Code',
    reason: 'Reason',
    badClose: 'The code must be 1000 or 3000–4999, the reason at most 123 bytes.',
    close: 'Close socket',

    log: 'Communication log',
    emptyLog:
      'Nothing yet. Connect, then send something: /ws returns each message as it came. This is a plain WebSocket, without Parley’s client.',
    nothingMatches: 'No entry matches the filter.',
    filterDirection: 'Which entries',
    filterText: 'Filter by content',
    directions: { all: 'All', out: 'Sent', in: 'Received', event: 'Events' },
    export: 'Export',
    clear: 'Clear',
    counts: (sent: number, received: number) => `${sent} sent, ${received} received`,
    roundTrips: (fastest: number, median: number, slowest: number) =>
      `Round trip ${fastest.toFixed(1)} / ${median.toFixed(1)} / ${slowest.toFixed(1)} ms (fastest, median, slowest)`,
    arrows: { out: '→ sent', in: '← received', event: '· event' },
    types: {
      text: 'text',
      binary: 'binary',
      connect: 'connect',
      open: 'open',
      close: 'close',
      error: 'error',
    },
    milliseconds: (ms: number) => `${ms.toFixed(1)} ms`,
    cut: 'The log keeps only this much.',
    connecting: (address: string, protocols: readonly string[]) =>
      protocols.length === 0 ? address : `${address} (${protocols.join(', ')})`,
    opened: (protocol: string, extensions: string) =>
      `Subprotocol: ${protocol || 'none'}. Extensions: ${extensions || 'none'}.`,
    failed: 'The connection failed. A browser does not tell a page why.',
    closing: (code: number, reason: string) => `${code} ${reason}`.trim(),
    closed: (code: number, reason: string, clean: boolean) =>
      `${code} ${reason}`.trim() + (clean ? '' : ' (without a closing handshake)'),
  },

  skipToCompose: 'Skip to the message field',
  announceLost: 'Connection lost. Reconnecting.',
  announceBack: 'Connected again.',
  announceMessage: (nick: string, text: string) => `${nick}: ${text}`,
  announceMany: (count: number, last: string) => `${count} new messages. ${last}`,

  problems: {
    serverAway: {
      title: 'The server does not answer',
      remedy: 'Check your connection, or wait a moment, and try again.',
    },
    noGuests: {
      title: 'This server has no guests',
      remedy: 'Ask its operator for a token and enter it below.',
    },
    tokenRefused: {
      title: 'Your token is not accepted',
      remedy: 'It may have expired or been withdrawn. Enter again, with a new one if you need one.',
    },
    busy: { title: 'The server is busy', remedy: 'Wait a moment and try again.' },
    refused: (message: string) => ({ title: 'The server refused', remedy: message }),
    closed: (code: number | undefined, reason: string | undefined) => ({
      title: 'The server ended the connection',
      remedy: `${reason || 'It gave no reason'} (code ${code ?? 'unknown'}).`,
    }),
    byCloseCode: {
      1009: { title: 'A message was too large', remedy: 'Shorten it and reconnect.' },
      4501: {
        title: 'You were signed out',
        remedy: 'An administrator ended your session. Enter again if you may.',
      },
      4503: {
        title: 'Too many connections',
        remedy: 'Close this service’s other tabs and windows, then reconnect.',
      },
    },
    byCode: {
      FORBIDDEN: {
        title: 'Your token does not allow this',
        remedy: 'Choose another room, or ask for a token that names this one.',
      },
      BAD_FIELD: {
        title: 'That cannot be a room’s name',
        remedy: 'Use 1 to 128 characters without line breaks or control characters.',
      },
      ROOM_LIMIT: { title: 'You are in too many rooms', remedy: 'Leave one and try again.' },
      RATE_LIMITED: { title: 'That was too fast', remedy: 'Wait a moment and try again.' },
      TOO_LARGE: { title: 'The message is too large', remedy: 'Shorten it, or send it in parts.' },
      NOT_A_MEMBER: { title: 'You are not in this room', remedy: 'Join it again.' },
      STORE_UNAVAILABLE: {
        title: 'The server cannot store messages now',
        remedy: 'Your message is kept here. Send it again in a moment.',
      },
      UNAUTHORIZED: {
        title: 'Your token is not accepted',
        remedy: 'Enter again, with a new one if you need one.',
      },
      OUTBOX_FULL: {
        title: 'Too many messages wait for the connection',
        remedy: 'Your text is still in the field. Send it when the waiting ones are out.',
      },
      FAILED: { title: 'The connection was ended', remedy: 'Send it again when you are back.' },
      CLOSED: { title: 'The connection was ended', remedy: 'Send it again when you are back.' },
      DISCONNECTED: { title: 'The connection was lost', remedy: 'Try again when it is back.' },
    },
  },
} as const
