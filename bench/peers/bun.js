// Bun with its own WebSocket topics (µWebSockets): one publish per message.
const server = Bun.serve({
  port: Number(process.env.PORT),
  hostname: '127.0.0.1',
  fetch(request, server) {
    const { pathname, searchParams } = new URL(request.url)
    const data = { echo: pathname === '/ws', user: searchParams.get('user') }
    if (server.upgrade(request, { data })) return
    return new Response('Upgrade required', { status: 426 })
  },
  websocket: {
    perMessageDeflate: false,
    message(socket, text) {
      const { echo, user } = socket.data
      if (echo) {
        socket.send(text)
        return
      }
      const { action, id, room, msg } = JSON.parse(text)
      if (action === 'join') {
        socket.subscribe(room)
        socket.send(JSON.stringify({ event: 'ok', id }))
      } else {
        const event = { event: 'message', room, id, user, msg, time: Date.now() }
        server.publish(room, JSON.stringify(event))
      }
    },
  },
})
