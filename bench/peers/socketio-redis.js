// Socket.IO with its Redis adapter: what is emitted to a room goes to all nodes by publish/subscribe.
import { createServer } from 'node:http'
import { createAdapter } from '@socket.io/redis-adapter'
import { createClient } from 'redis'
import { Server } from 'socket.io'

const publisher = createClient({ url: process.env.REDIS_URL })
const subscriber = publisher.duplicate()
await Promise.all([publisher.connect(), subscriber.connect()])

const http = createServer((_request, response) => response.writeHead(404).end())
const io = new Server(http, {
  transports: ['websocket'],
  serveClient: false,
  adapter: createAdapter(publisher, subscriber),
})

io.on('connection', (socket) => {
  const { user } = socket.handshake.query
  socket.on('join', async (room, done) => {
    await socket.join(room)
    done()
  })
  socket.on('send', (room, id, msg) => {
    io.to(room).emit('message', { room, id, user, msg, time: Date.now() })
  })
})

http.listen(Number(process.env.PORT), '127.0.0.1')
