/* Idle connections: the server's memory before and with so many members, who say nothing. */
#include "generator.h"
#include <stdio.h>

static uint64_t closed;

static void on_message(struct connection *c, const struct frame *f) {
  (void)c;
  (void)f;
}

static void on_closed(struct connection *c) {
  (void)c;
  closed++;
}

void idle_run(void) {
  static const struct work work = {NULL, on_message, NULL, on_closed};
  connections_start(&work, plan.connections);
  long before = server_memory().rss_kb;
  struct cost from = cost_now();
  open_all(plan.connections);
  struct cost to = cost_now();
  for (double until = now() + plan.warmup; now() < until;) turn(0.1);
  struct cost idle_from = cost_now();
  for (double until = now() + plan.seconds; now() < until;) turn(0.1);
  struct cost idle_to = cost_now();
  report_window(from, to, (uint64_t)plan.connections);
  printf(",\"rssBeforeKb\":%ld,\"idleCpu\":%.6f,\"faults\":{\"closed\":%llu}}\n", before,
         idle_to.server - idle_from.server, (unsigned long long)closed);
}
