// Plain @fastify/websocket, as its documentation shows it: one send per member and message.
import websocket from '@fastify/websocket'
import Fastify from 'fastify'

const app = Fastify()
const rooms = new Map()

await app.register(websocket)

app.get('/ws', { websocket: true }, (socket) => {
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }))
})

app.get('/chat', { websocket: true }, (socket, request) => {
  const { user } = request.query
  const joined = new Set()
  socket.on('message', (data) => {
    const { action, id, room, msg } = JSON.parse(data)
    if (action === 'join') {
      if (!rooms.has(room)) rooms.set(room, new Set())
      rooms.get(room).add(socket)
      joined.add(room)
      socket.send(JSON.stringify({ event: 'ok', id }))
    } else {
      const event = { event: 'message', room, id, user, msg, time: Date.now() }
      const text = JSON.stringify(event)
      for (const member of rooms.get(room)) member.send(text)
    }
  })
  socket.on('close', () => {
    for (const room of joined) {
      const members = rooms.get(room)
      members.delete(socket)
      if (members.size === 0) rooms.delete(room)
    }
  })
})

await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT) })
