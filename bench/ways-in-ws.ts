import { createServer } from 'node:http'
import { type WebSocket, WebSocketServer } from 'ws'

/**
 * A room of ws alone, for comparison: every member's messages compressed for that member, by ws, as
 * it does out of the box. It answers what the members and the sender of `ways-in.js` say to a server.
 */
const server = createServer()
const sockets = new WebSocketServer({ server, perMessageDeflate: { threshold: 512 } })
const members = new Set<WebSocket>()
let offset = 0

sockets.on('connection', (socket) => {
  socket.send('{"event":"welcome"}')
  socket.on('message', (data) => {
    const { action, id, msg } = JSON.parse(String(data))
    socket.send(JSON.stringify({ event: 'ok', id }))
    if (action === 'join') members.add(socket)
    else {
      const message = { event: 'message', room: 'bench', offset: ++offset, id, user: 'sender' }
      const text = JSON.stringify({ ...message, nick: 'sender', msg, time: Date.now() })
      for (const member of members) member.send(text)
    }
  })
  socket.on('close', () => members.delete(socket))
})
server.listen(0, '127.0.0.1')
