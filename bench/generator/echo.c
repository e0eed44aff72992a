/* Echo: each connection keeps so many messages in flight, which must come back unchanged. */
#include "generator.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct work_state {
  uint64_t sent, back;
};

static bool running, measuring;
static uint64_t echoed, wrong, closed;
static uint8_t *frame;
static char *text;
static size_t number_at, length;

static void publish(struct connection *c) {
  uint64_t at = now_nanos();
  char digits[18];
  while (running && c->state == LIVE && c->own->sent - c->own->back < (uint64_t)plan.in_flight) {
    snprintf(digits, sizeof digits, "%017llx", (unsigned long long)c->own->sent++);
    memcpy(text + number_at, digits, 17);
    snprintf(digits, sizeof digits, "%017llx", (unsigned long long)at);
    memcpy(text + number_at + 17, digits, 17);
    int opcode = plan.binary ? OP_BINARY : OP_TEXT;
    connection_send(c, frame, frame_build(frame, opcode, (uint8_t *)text, length));
    connection_flush(c);
  }
}

static void on_message(struct connection *c, const struct frame *f) {
  char expected[18];
  snprintf(expected, sizeof expected, "%017llx", (unsigned long long)c->own->back++);
  if (f->length != length || memcmp(f->payload + number_at, expected, 17)) wrong++;
  if (f->opcode != (plan.binary ? OP_BINARY : OP_TEXT)) wrong++;
  echoed++;
  if (measuring) {
    uint64_t due = strtoull(memcpy((char[18]){0}, f->payload + number_at + 17, 17), NULL, 16);
    latency_add(&latencies, now_nanos() - due);
  }
}

static void on_closed(struct connection *c) {
  (void)c;
  closed++;
}

static void run_until(double end) {
  for (double left; (left = end - now()) > 0;) turn(left);
}

void echo_run(void) {
  static const struct work work = {NULL, on_message, publish, on_closed};
  connections_start(&work, plan.connections);
  const char *body = strstr(plan.publish, "{body}");
  if (!body || plan.payload < 34) fail("echo needs a {body} of at least 34 bytes");
  number_at = (size_t)(body - plan.publish);
  length = strlen(plan.publish) - 6 + (size_t)plan.payload;
  text = malloc(length + 1);
  memset(text, 'x', length);
  memcpy(text, plan.publish, number_at);
  memcpy(text + number_at + plan.payload, body + 6, strlen(body + 6));
  frame = malloc(frame_size(length));
  for (int i = 0; i < plan.connections; i++) connections[i].own = calloc(1, sizeof(struct work_state));
  open_all(plan.connections);
  running = true;
  for (int i = 0; i < plan.connections; i++) publish(connections + i);
  warm_up(run_until);
  measuring = true;
  uint64_t before = echoed;
  struct cost from = cost_now();
  struct cost to = window_end(from, run_until);
  uint64_t frames = echoed - before;
  running = measuring = false;
  uint64_t left;
  double until = now() + plan.patience;
  do {
    turn(0.05);
    left = 0;
    for (int i = 0; i < plan.connections; i++) left += connections[i].own->sent - connections[i].own->back;
  } while (left > 0 && now() < until);
  report_window(from, to, frames);
  printf(",\"faults\":{\"wrong\":%llu,\"missing\":%llu,\"closed\":%llu}}\n",
         (unsigned long long)wrong, (unsigned long long)left, (unsigned long long)closed);
}
