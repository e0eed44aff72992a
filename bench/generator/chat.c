/* Rooms: senders publish with so many in flight or at a rate, and every member checks what it gets. */
#define _GNU_SOURCE
#include "generator.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * A body is `@ssssssss.nnnnnnnn.tttttttttttttttt@xxx…`, hexadecimal: the sender, its sequence
 * number, and when it was due. The id of a publication is the part up to the second dot.
 */
enum { SEQUENCE = 9, DUE = 18, MARK = 36, ID = 17, TICK_MILLIS = 50 };

#define UNKNOWN UINT32_MAX

struct work_state {
  uint32_t *next;    /* the sequence number that follows, of each sender of the room, or UNKNOWN */
  uint64_t received, order;
  uint32_t sequence; /* of a sender */
  int pending;
  char *text; /* the publication, with room for its digits */
  size_t length;
  char *body, *id;
  uint8_t *rest; /* of a frame that is being sent in two parts */
  size_t rest_length;
  double rest_due;
};

static enum { SETTING_UP, RUNNING, DRAINING } phase;
static bool measuring, by_rate; /* by_rate: at a fixed rate, not yet while warming up */
static uint64_t delivered, gaps, repeats, lost_connections, closed_odd, pings_sent;
static uint64_t *published; /* of each room */
static struct histogram slice;
static uint8_t *frame;

static void hex(char *at, uint64_t value, int digits) {
  while (digits--) {
    at[digits] = "0123456789abcdef"[value & 15];
    value >>= 4;
  }
}

static uint64_t unhex(const uint8_t *at, int digits) {
  uint64_t value = 0;
  while (digits--) {
    value = value << 4 | (uint64_t)((*at & 15) + (*at >> 6) * 9);
    at++;
  }
  return value;
}

static bool is_sender(const struct connection *c) { return c->local >= plan.members - plan.senders; }

static bool is_slow(const struct connection *c) { return plan.slow_bytes > 0 && c->local == 0; }

static bool is_dead(const struct connection *c) { return plan.dead && c->local == 1; }

static void prepare(struct connection *c) {
  struct work_state *own = c->own = calloc(1, sizeof *own);
  own->next = calloc((size_t)plan.senders, sizeof *own->next);
  c->checked = !is_slow(c) && !is_dead(c);
  if (!is_sender(c)) return;
  char *filled = plan_fill(&plan, plan.publish, c->room, c->index), *out = NULL;
  size_t size = 0, id_at = 0, body_at = 0;
  FILE *stream = open_memstream(&out, &size);
  for (const char *at = filled; *at;) {
    if (!strncmp(at, "{id}", 4)) {
      id_at = (size_t)ftell(stream);
      fprintf(stream, "%0*d", ID, 0);
      at += 4;
    } else if (!strncmp(at, "{body}", 6)) {
      body_at = (size_t)ftell(stream);
      for (int i = 0; i < plan.payload; i++) fputc(i == 0 || i == MARK - 1 ? '@' : i < MARK ? '.' : 'x', stream);
      at += 6;
    } else fputc(*at++, stream);
  }
  fclose(stream);
  free(filled);
  own->text = out;
  own->length = size;
  own->body = out + body_at;
  own->id = strstr(plan.publish, "{id}") ? out + id_at : NULL;
  hex(own->body + 1, (uint64_t)c->index, 8);
}

/* Sends a frame in two parts, cut one byte further each time, or every byte by itself. */
static void send_cut(struct connection *c, size_t size) {
  struct work_state *own = c->own;
  size_t cut = 1 + own->sequence % (size - 1);
  if (own->sequence % 16 == 15) {
    for (size_t i = 0; i < size; i++) {
      connection_send(c, frame + i, 1);
      connection_flush(c);
    }
    return;
  }
  connection_send(c, frame, cut);
  connection_flush(c);
  own->rest = memcpy(realloc(own->rest, size), frame + cut, size - cut);
  own->rest_length = size - cut;
  own->rest_due = now() + 0.0005;
}

/* One write a message, as a client's send() does. */
static void publish(struct connection *c, uint64_t due) {
  struct work_state *own = c->own;
  if (c->state == CLOSED || own->rest_length > 0) return;
  hex(own->body + SEQUENCE + 1, own->sequence, 8);
  hex(own->body + DUE + 1, due, 16);
  if (own->id) memcpy(own->id, own->body + 1, ID);
  size_t size = frame_build(frame, OP_TEXT, (uint8_t *)own->text, own->length);
  if (plan.split) send_cut(c, size);
  else connection_send(c, frame, size);
  connection_flush(c);
  own->sequence++;
  own->pending++;
  published[c->room]++;
}

/* Keeps as many in flight as there shall be; a sender's message is, until its own copy is back. */
static void top_up(struct connection *c) {
  if (phase != RUNNING || by_rate || !is_sender(c)) return;
  uint64_t due = now_nanos();
  while (c->own->pending < plan.in_flight) {
    int had = c->own->pending;
    publish(c, due);
    if (c->own->pending == had || plan.split) break;
  }
}

static const uint8_t *find_mark(const struct frame *f) {
  static size_t hint;
  const uint8_t *p = f->payload, *end = p + f->length;
  if (hint + MARK <= f->length && p[hint] == '@' && p[hint + MARK - 1] == '@') return p + hint;
  while ((p = memchr(p, '@', (size_t)(end - p)))) {
    if (p + MARK > end) return NULL;
    if (p[MARK - 1] == '@' && p[SEQUENCE] == '.') {
      hint = (size_t)(p - f->payload);
      return p;
    }
    p++;
  }
  return NULL;
}

static uint64_t read_at;

static void on_message(struct connection *c, const struct frame *f) {
  const uint8_t *mark = find_mark(f);
  if (!mark) return;
  struct work_state *own = c->own;
  uint32_t sender = (uint32_t)unhex(mark + 1, 8), sequence = (uint32_t)unhex(mark + SEQUENCE + 1, 8);
  int local = (int)sender / plan.rooms - (plan.members - plan.senders);
  if (local < 0 || local >= plan.senders || (int)sender % plan.rooms != c->room)
    fail("connection %d got a message of another room: %.*s", c->index, (int)f->length, f->payload);
  uint32_t *next = own->next + local;
  if (*next == UNKNOWN) *next = sequence;
  if (sequence > *next) gaps += sequence - *next;
  if (sequence < *next) repeats++;
  else *next = sequence + 1;
  own->order = (own->order ^ ((uint64_t)sender << 32 | sequence)) * 0x9e3779b97f4a7c15u;
  own->received++;
  delivered++;
  bool mine = (int)sender == c->index;
  if (mine) own->pending--;
  if (measuring && c->checked && (mine || plan.rate > 0)) {
    if (!read_at) read_at = now_nanos();
    uint64_t took = read_at - unhex(mark + DUE + 1, 16);
    latency_add(&latencies, took);
    if (plan.slices) latency_add(&slice, took);
  }
  if (plan.pings && own->received % 7 == 0) {
    uint8_t ping[16];
    connection_send(c, ping, frame_build(ping, OP_PING, (const uint8_t *)"ping", 4));
    pings_sent++;
  }
}

static void on_read_done(struct connection *c) {
  read_at = 0;
  if (is_sender(c)) top_up(c);
}

static void on_live(struct connection *c) {
  if (phase == RUNNING && is_slow(c)) connection_read(c, false);
}

/* It does not ask for what it has missed, which is no fault then. */
static void come_back(struct connection *c) {
  struct work_state *own = c->own;
  for (int i = 0; i < plan.senders; i++) own->next[i] = UNKNOWN;
  connection_open(c);
}

static void on_closed(struct connection *c) {
  if (phase == SETTING_UP) fail("connection %d was closed while others were set up", c->index);
  if (c->checked) lost_connections++;
  else closed_odd++;
  if (is_slow(c) && phase == RUNNING) come_back(c);
}

/* What happens by the clock: due publications, second parts, slow readers. Seconds until the next. */
static double by_the_clock(void) {
  static double next_tick;
  static uint64_t due_count, started;
  double wait = TICK_MILLIS / 1000.0;
  int count = plan.rooms * plan.members;
  if (by_rate && phase == RUNNING) {
    if (!started) started = now_nanos();
    double every = 1e9 / (plan.rate * plan.rooms);
    for (;; due_count++) {
      uint64_t due = started + (uint64_t)((double)due_count * every), at = now_nanos();
      if (due > at) { wait = (double)(due - at) / 1e9; break; }
      int room = (int)(due_count % (uint64_t)plan.rooms);
      int local = plan.members - 1 - (int)(due_count / (uint64_t)plan.rooms % (uint64_t)plan.senders);
      struct connection *c = connections + local * plan.rooms + room;
      publish(c, due);
    }
  }
  if (plan.split) {
    wait = 0.0005;
    for (int i = 0; i < count; i++) {
      struct connection *c = connections + i;
      if (!c->own->rest_length || c->own->rest_due > now()) continue;
      connection_send(c, c->own->rest, c->own->rest_length);
      c->own->rest_length = 0;
      connection_flush(c);
      top_up(c);
    }
  }
  if (plan.slow_bytes > 0 && now() >= next_tick) {
    next_tick = now() + TICK_MILLIS / 1000.0;
    for (int room = 0; room < plan.rooms; room++)
      if (connections[room].state == LIVE)
        connection_read_some(connections + room, (size_t)plan.slow_bytes * TICK_MILLIS / 1000);
  }
  return wait < TICK_MILLIS / 1000.0 ? wait : TICK_MILLIS / 1000.0;
}

static void run_until(double end) {
  for (double left; (left = end - now()) > 0;) {
    double wait = by_the_clock();
    turn(wait < left ? wait : left);
  }
}

static void all_of(int local, bool reading) {
  if (local >= plan.members) return;
  for (int room = 0; room < plan.rooms; room++)
    connection_read(connections + local * plan.rooms + room, reading);
}

/* Deliveries that are still to come. */
static uint64_t missing(void) {
  uint64_t count = 0;
  for (int i = 0; i < plan.rooms * plan.members; i++) {
    struct connection *c = connections + i;
    if (c->checked && c->state != CLOSED && c->own->received < published[c->room])
      count += published[c->room] - c->own->received;
  }
  return count;
}

static void drain(void) {
  double until = now() + plan.patience;
  bool cut = false;
  phase = DRAINING;
  do {
    turn(by_the_clock());
    cut = false;
    for (int i = 0; plan.split && i < plan.rooms * plan.members; i++)
      cut |= connections[i].own->rest_length > 0;
  } while ((cut || missing() > 0 || pongs < pings_sent) && now() < until);
}

/* Members whose messages came in another order than those of the first of their room. */
static uint64_t disordered(void) {
  uint64_t count = 0;
  for (int room = 0; room < plan.rooms; room++) {
    struct connection *first = NULL;
    for (int local = 0; local < plan.members; local++) {
      struct connection *c = connections + local * plan.rooms + room;
      if (!c->checked || c->state == CLOSED) continue;
      if (!first) first = c;
      else if (c->own->order != first->own->order) count++;
    }
  }
  return count;
}

void chat_run(void) {
  int count = plan.rooms * plan.members;
  if (plan.payload < MARK) fail("a payload has at least %d bytes", MARK);
  if (!plan.publish) fail("the plan lacks publish");
  static const struct work work = {on_live, on_message, on_read_done, on_closed};
  connections_start(&work, count);
  published = calloc((size_t)plan.rooms, sizeof *published);
  frame = malloc(frame_size((size_t)plan.payload + strlen(plan.publish) + 200));
  for (int i = 0; i < count; i++) prepare(connections + i);
  open_all(count);
  double quiet = now() + 0.2;
  while (now() < quiet) turn(0.05);

  phase = RUNNING;
  if (plan.dead) all_of(1, false);
  if (plan.slow_bytes > 0) all_of(0, false);
  for (int i = 0; i < count; i++) top_up(connections + i);
  warm_up(run_until);
  if (plan.rate > 0) {
    by_rate = true;
    run_until(now() + 0.5);
  }
  if (plan.stall > 0) all_of(0, false);
  measuring = true;
  uint64_t from_frames = delivered;
  struct cost from = cost_now();
  char *slices = NULL;
  size_t slices_size = 0;
  FILE *out = open_memstream(&slices, &slices_size);
  if (plan.stall > 0) {
    run_until(from.at + plan.stall);
    all_of(0, true);
  }
  for (int i = 0; i < plan.slices; i++) {
    run_until(from.at + plan.seconds * (i + 1) / plan.slices);
    struct memory memory = server_memory();
    fprintf(out, "%s{\"rssKb\":%ld,\"ownKb\":%ld,\"p50\":%.4f,\"p99\":%.4f}", i ? "," : "",
            memory.rss_kb, memory.own_kb, latency_at(&slice, 0.5), latency_at(&slice, 0.99));
    latency_clear(&slice);
  }
  struct cost to = window_end(from, run_until);
  uint64_t frames = delivered - from_frames;
  measuring = false;
  drain();

  uint64_t total = 0;
  for (int room = 0; room < plan.rooms; room++) total += published[room];
  fclose(out);
  report_window(from, to, frames);
  printf(",\"published\":%llu,\"delivered\":%llu,\"slices\":[%s],\"closedOdd\":%llu,"
         "\"faults\":{\"gaps\":%llu,\"repeats\":%llu,\"disordered\":%llu,\"missing\":%llu,"
         "\"closed\":%llu,\"pongs\":%llu}}\n",
         (unsigned long long)total, (unsigned long long)delivered, slices,
         (unsigned long long)closed_odd, (unsigned long long)gaps, (unsigned long long)repeats,
         (unsigned long long)disordered(), (unsigned long long)missing(),
         (unsigned long long)lost_connections, (unsigned long long)(pings_sent - pongs));
}
