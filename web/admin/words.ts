/** Every word of the administration page. */
export const words = {
  title: 'Administration',
  chat: 'Chat',
  docs: 'Interfaces',
  signOut: 'Sign out',

  signIn: {
    title: 'Sign in',
    token: 'Token',
    hint: 'A token with the scope “admin”; parley token --user you --scope admin prints one. It is kept until this tab is closed.',
    submit: 'Sign in',
    checking: 'Checking …',
    refused: 'This token is not accepted: ',
    forbidden: 'This token lacks the scope “admin”.',
    away: 'The server does not answer.',
  },

  states: { live: 'Live', away: 'No answer', draining: 'Draining' },

  figures: {
    title: 'All nodes',
    connections: 'Connections',
    users: 'Users',
    rooms: 'Rooms, per node',
    waiting: 'Waiting for clients',
    refused: 'Refused',
    received: 'Received',
    sent: 'Sent',
  },

  charts: {
    title: 'Over time',
    connections: 'Connections',
    messages: 'Messages a second',
    received: 'from clients',
    sent: 'to clients',
    append: 'Storing a message, ms',
    median: 'median',
    slow: '99 of 100 within',
    delivery: 'Delivering a message, ms',
    nothing: 'Nothing measured yet',
    describe: (name: string, latest: string, highest: string) =>
      `${name}: ${latest} now, ${highest} at the most`,
  },

  rooms: {
    title: 'Rooms',
    search: 'Name begins with',
    name: 'Room',
    members: 'Members',
    messages: 'Messages',
    last: 'Last message',
    connections: 'Connections',
    none: 'No room matches.',
    never: '–',
  },

  connections: {
    title: 'Connections',
    user: 'User',
    room: 'In room',
    nick: 'Name',
    address: 'Address',
    since: 'Since',
    rooms: 'Rooms',
    node: 'Node',
    traffic: 'In / out',
    buffered: 'Waiting',
    action: 'Action',
    disconnect: 'Disconnect',
    confirm: 'Really disconnect?',
    none: 'No connection matches.',
    done: 'Disconnected.',
  },

  first: 'First page',
  next: 'Next page',

  nodes: {
    title: 'Nodes',
    about:
      'Draining sends everyone away from a node, spread over its drain time, then ends its process. Clients connect again by themselves, to another node or to this one when it is back.',
    node: 'Node',
    thisOne: 'answers this page,',
    version: (version: string) => `version ${version}`,
    state: 'State',
    states: { live: 'Live', draining: 'Draining', unavailable: 'Cannot store' },
    since: 'Since',
    connections: 'Connections',
    rooms: 'Rooms with members',
    action: 'Action',
    drain: 'Drain',
    confirm: 'Really drain?',
    drainAll: 'Drain all nodes',
    confirmAll: (nodes: number) => `Really drain all ${nodes} nodes?`,
    started: (connections: number, seconds: number) =>
      `Draining: ${connections} connections over ${seconds} s.`,
  },
} as const
