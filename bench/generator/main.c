#include "generator.h"
#include <signal.h>
#include <string.h>

struct plan plan;

int main(void) {
  signal(SIGPIPE, SIG_IGN);
  plan_read(&plan);
  if (!strcmp(plan.work, "chat")) chat_run();
  else if (!strcmp(plan.work, "echo")) echo_run();
  else if (!strcmp(plan.work, "idle")) idle_run();
  else if (!strcmp(plan.work, "handshakes")) handshakes_run();
  else fail("unknown work: %s", plan.work);
  return 0;
}
