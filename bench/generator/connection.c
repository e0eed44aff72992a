/* Connections: opening, the handshake, the steps into a room, reading and writing. */
#define _GNU_SOURCE
#include "generator.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { READ_BYTES = 1 << 18, EVENTS = 512 };

struct connection *connections;
uint64_t pongs, bytes_received;
static const struct work *work;
static int epoll = -1, opening, live;
static uint8_t *buffer;
static size_t buffer_size;

void fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
  exit(1);
}

void connections_start(const struct work *w, int count) {
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  if ((rlim_t)count + 20 > files.rlim_cur)
    fail("%d connections do not fit the limit of %ld files", count, (long)files.rlim_cur);
  work = w;
  epoll = epoll_create1(0);
  buffer = malloc(buffer_size = READ_BYTES);
  connections = calloc((size_t)count, sizeof *connections);
  for (int i = 0; i < count; i++) {
    struct connection *c = connections + i;
    c->fd = -1;
    c->index = i;
    c->room = i % plan.rooms;
    c->local = i / plan.rooms;
    c->checked = true;
  }
}

static bool odd(const struct connection *c) {
  return (c->local == 0 && (plan.stall > 0 || plan.slow_bytes > 0)) || (c->local == 1 && plan.dead);
}

void connection_open(struct connection *c) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)plan.port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int on = 1, small = 4096;
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (c->fd < 0) fail("socket: %s", strerror(errno));
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  /* So that what they do not read waits in the server, and not in the kernel. */
  if (odd(c)) setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  if (connect(c->fd, (struct sockaddr *)&address, sizeof address) && errno != EINPROGRESS)
    fail("connect: %s", strerror(errno));
  c->state = CONNECTING;
  c->step = 0;
  c->in_length = c->out_length = c->out_sent = 0;
  c->reading = true;
  opening++;
  struct epoll_event event = {.events = EPOLLOUT, .data.ptr = c};
  epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event);
}

static void watch(struct connection *c) {
  struct epoll_event event = {.data.ptr = c};
  event.events = (c->reading ? EPOLLIN : 0) | (c->out_length > c->out_sent ? EPOLLOUT : 0);
  epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &event);
}

void connection_read(struct connection *c, bool reading) {
  if (c->state == CLOSED) return;
  c->reading = reading;
  watch(c);
}

static void gone(struct connection *c) {
  if (c->state == CLOSED) return;
  if (c->state == LIVE) live--;
  else opening--;
  close(c->fd);
  c->fd = -1;
  bool was_live = c->state == LIVE;
  c->state = CLOSED;
  if (!was_live && !work->closed) fail("connection %d was closed while it was set up", c->index);
  if (work->closed) work->closed(c);
}

void connection_drop(struct connection *c) {
  struct linger reset = {1, 0};
  setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  gone(c);
}

void connection_send(struct connection *c, const uint8_t *bytes, size_t length) {
  if (c->out_length + length > c->out_capacity) {
    c->out_capacity = (c->out_length + length) * 2;
    c->out = realloc(c->out, c->out_capacity);
  }
  memcpy(c->out + c->out_length, bytes, length);
  c->out_length += length;
}

void connection_flush(struct connection *c) {
  if (c->state == CLOSED || c->out_length == c->out_sent) return;
  ssize_t sent = write(c->fd, c->out + c->out_sent, c->out_length - c->out_sent);
  if (sent < 0) {
    if (errno != EAGAIN) { gone(c); return; }
    sent = 0;
  }
  c->out_sent += (size_t)sent;
  if (c->out_sent < c->out_length) { watch(c); return; }
  bool waited = c->out_sent != (size_t)sent;
  c->out_length = c->out_sent = 0;
  if (waited) watch(c);
}

static void send_text(struct connection *c, const char *text) {
  size_t length = strlen(text);
  uint8_t *frame = malloc(frame_size(length));
  connection_send(c, frame, frame_build(frame, OP_TEXT, (const uint8_t *)text, length));
  free(frame);
}

/* Goes on with what follows from here: the texts to send, up to the next one to wait for. */
static void advance(struct connection *c) {
  while (c->step < plan.step_count && plan.steps[c->step].send) {
    char *text = plan_fill(&plan, plan.steps[c->step++].text, c->room, c->index);
    send_text(c, text);
    free(text);
  }
  connection_flush(c);
  if (c->step < plan.step_count || c->state != STEPPING) return;
  c->state = LIVE;
  opening--;
  live++;
  if (work->live) work->live(c);
}

static void upgrade(struct connection *c) {
  char *path = plan_fill(&plan, plan.path, c->room, c->index);
  char *headers = plan_fill(&plan, plan.headers, c->room, c->index);
  char *request = NULL;
  int length = asprintf(&request, "GET %s HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n", path, plan.host, plan.port, headers);
  connection_send(c, (uint8_t *)request, (size_t)length);
  free(path);
  free(headers);
  free(request);
  c->state = UPGRADING;
  watch(c);
  connection_flush(c);
}

/* Bytes of the answer to the handshake, 0 when it is not whole yet. */
static size_t take_answer(struct connection *c, uint8_t *at, size_t available) {
  uint8_t *end = memmem(at, available, "\r\n\r\n", 4);
  if (!end) return 0;
  if (available < 12 || memcmp(at, "HTTP/1.1 101", 12))
    fail("the handshake was refused: %.*s", (int)(available < 300 ? available : 300), at);
  if (!memmem(at, (size_t)(end - at), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", 28))
    fail("the answer to the handshake has a wrong Sec-WebSocket-Accept");
  c->state = STEPPING;
  advance(c);
  return (size_t)(end - at) + 4;
}

static void take_frame(struct connection *c, const struct frame *f) {
  if (f->opcode == OP_PONG) { pongs++; return; }
  if (f->opcode == OP_PING) {
    uint8_t pong[140];
    connection_send(c, pong, frame_build(pong, OP_PONG, f->payload, f->length));
    return;
  }
  if (f->opcode == OP_CLOSE) {
    if (!plan.dead && !plan.slow_bytes)
      fprintf(stderr, "connection %d was closed: %d %.*s\n", c->index,
              f->length < 2 ? 0 : f->payload[0] << 8 | f->payload[1],
              f->length < 2 ? 0 : (int)f->length - 2, (char *)f->payload + 2);
    gone(c);
    return;
  }
  if (plan.answer_ping && f->length == strlen(plan.answer_ping) &&
      !memcmp(f->payload, plan.answer_ping, f->length)) {
    send_text(c, plan.answer_pong);
    return;
  }
  if (c->state == LIVE) work->message(c, f);
  else if (memmem(f->payload, f->length, plan.steps[c->step].text, strlen(plan.steps[c->step].text))) {
    c->step++;
    advance(c);
  }
}

static void take_bytes(struct connection *c, uint8_t *at, size_t available) {
  size_t used = 0;
  if (c->state == UPGRADING) used = take_answer(c, at, available);
  if (c->state != UPGRADING) {
    struct frame frame;
    for (size_t size; c->state != CLOSED &&
         (size = frame_parse(at + used, available - used, &frame));) {
      used += size;
      take_frame(c, &frame);
    }
  }
  if (c->state == CLOSED) return;
  c->in_length = available - used;
  if (c->in_length > 0) {
    c->in = realloc(c->in, c->in_length);
    memcpy(c->in, at + used, c->in_length);
  } else if (c->in) {
    free(c->in);
    c->in = NULL;
  }
  if (c->state == LIVE && work->read_done) work->read_done(c);
  connection_flush(c);
}

void connection_read_some(struct connection *c, size_t most) {
  if (c->state == CLOSED) return;
  if (c->in_length + most > buffer_size) buffer = realloc(buffer, buffer_size = c->in_length + most);
  memcpy(buffer, c->in, c->in_length);
  ssize_t got = read(c->fd, buffer + c->in_length, most);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) { gone(c); return; }
  bytes_received += (uint64_t)got;
  take_bytes(c, buffer, c->in_length + (size_t)got);
}

static void handle(struct connection *c, uint32_t events) {
  if (c->state == CLOSED) return;
  if (c->state == CONNECTING) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) fail("connect: %s", strerror(error));
    upgrade(c);
    return;
  }
  if (events & EPOLLOUT) connection_flush(c);
  if (events & EPOLLIN && c->reading) connection_read_some(c, READ_BYTES);
  else if (events & (EPOLLERR | EPOLLHUP)) gone(c);
}

void turn(double seconds) {
  struct epoll_event events[EVENTS];
  struct timespec wait = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
  int count = epoll_pwait2(epoll, events, EVENTS, seconds > 0 ? &wait : &(struct timespec){0, 0}, NULL);
  if (count < 0 && errno != EINTR) fail("epoll: %s", strerror(errno));
  for (int i = 0; i < count; i++) handle(events[i].data.ptr, events[i].events);
}

void open_all(int count) {
  double until = now() + plan.patience;
  for (int next = 0, had = 0; live < count; had = live) {
    while (next < count && opening < plan.at_once) connection_open(connections + next++);
    turn(0.1);
    if (live > had) until = now() + plan.patience;
    if (now() > until) fail("only %d of %d connections were set up", live, count);
  }
}
