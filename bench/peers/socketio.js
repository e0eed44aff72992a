// Socket.IO over its WebSocket transport: one emit to the room per message.
import { createServer } from 'node:http'
import { Server } from 'socket.io'

const http = createServer((_request, response) => response.writeHead(404).end())
const io = new Server(http, { transports: ['websocket'], serveClient: false })

io.on('connection', (socket) => {
  const { user } = socket.handshake.query
  socket.on('echo', (text) => socket.emit('echo', text))
  socket.on('join', (room, done) => {
    socket.join(room)
    done()
  })
  socket.on('send', (room, id, msg) => {
    io.to(room).emit('message', { room, id, user, msg, time: Date.now() })
  })
})

http.listen(Number(process.env.PORT), '127.0.0.1')
