/* Handshakes: connections are opened and dropped again, so many at a time. */
#include "generator.h"
#include <stdio.h>

static bool running;
static uint64_t done;

static void on_live(struct connection *c) {
  (void)c;
  done++;
}

static void on_message(struct connection *c, const struct frame *f) {
  (void)c;
  (void)f;
}

/* Dropped after the events of a turn are through: their connections may still be named in one. */
static void drop_live(void) {
  for (int i = 0; i < plan.connections; i++) {
    struct connection *c = connections + i;
    if (c->state != LIVE) continue;
    connection_drop(c);
    if (running) connection_open(c);
  }
}

static void run_until(double end) {
  for (double left; (left = end - now()) > 0;) {
    turn(left);
    drop_live();
  }
}

void handshakes_run(void) {
  static const struct work work = {on_live, on_message, NULL, NULL};
  connections_start(&work, plan.connections);
  running = true;
  for (int i = 0; i < plan.connections; i++) connection_open(connections + i);
  warm_up(run_until);
  uint64_t before = done;
  struct cost from = cost_now();
  struct cost to = window_end(from, run_until);
  uint64_t frames = done - before;
  running = false;
  report_window(from, to, frames);
  printf(",\"faults\":{}}\n");
}
