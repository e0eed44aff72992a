/* The plan: one `name value` a line on stdin, until its end. */
#define _GNU_SOURCE
#include "generator.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *read_file(const char *path) {
  FILE *file = fopen(path, "r");
  if (!file) fail("cannot read %s", path);
  fseek(file, 0, SEEK_END);
  long size = ftell(file);
  rewind(file);
  char *text = malloc((size_t)size + 1);
  if (fread(text, 1, (size_t)size, file) != (size_t)size) fail("cannot read %s", path);
  text[size] = 0;
  fclose(file);
  return text;
}

/* One token a line. */
static void read_tokens(struct plan *p, const char *path) {
  char *text = read_file(path);
  int capacity = 0;
  for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
    if (p->token_count == capacity) {
      capacity = capacity ? capacity * 2 : 64;
      p->tokens = realloc(p->tokens, (size_t)capacity * sizeof(char *));
    }
    p->tokens[p->token_count++] = line;
  }
}

static void add_header(struct plan *p, const char *value) {
  size_t had = strlen(p->headers);
  p->headers = realloc(p->headers, had + strlen(value) + 3);
  sprintf(p->headers + had, "%s\r\n", value);
}

static void add_step(struct plan *p, bool send, const char *text) {
  if (p->step_count == MAX_STEPS) fail("at most %d steps", MAX_STEPS);
  p->steps[p->step_count++] = (struct step){send, strdup(text)};
}

static void add_pid(struct plan *p, const char *value) {
  if (p->pid_count == MAX_PIDS) fail("at most %d processes", MAX_PIDS);
  p->pids[p->pid_count++] = atoi(value);
}

static void set(struct plan *p, const char *name, const char *value) {
  const struct { const char *name; char **at; } texts[] = {
    {"work", &p->work}, {"host", &p->host}, {"path", &p->path}, {"publish", &p->publish},
    {"answer_ping", &p->answer_ping}, {"answer_pong", &p->answer_pong}};
  const struct { const char *name; int *at; } numbers[] = {
    {"port", &p->port}, {"rooms", &p->rooms}, {"members", &p->members}, {"senders", &p->senders},
    {"in_flight", &p->in_flight}, {"payload", &p->payload}, {"connections", &p->connections},
    {"at_once", &p->at_once}, {"slow_bytes", &p->slow_bytes}, {"slices", &p->slices}};
  const struct { const char *name; double *at; } reals[] = {
    {"rate", &p->rate}, {"warmup", &p->warmup}, {"seconds", &p->seconds}, {"stall", &p->stall},
    {"patience", &p->patience}};
  const struct { const char *name; bool *at; } flags[] = {
    {"split", &p->split}, {"pings", &p->pings}, {"dead", &p->dead}, {"binary", &p->binary}};
#define TAKE(table, convert) \
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) \
    if (!strcmp(table[i].name, name)) { *table[i].at = convert(value); return; }
  TAKE(texts, strdup)
  TAKE(numbers, atoi)
  TAKE(reals, atof)
  TAKE(flags, atoi)
  if (!strcmp(name, "header")) add_header(p, value);
  else if (!strcmp(name, "send")) add_step(p, true, value);
  else if (!strcmp(name, "expect")) add_step(p, false, value);
  else if (!strcmp(name, "tokens")) read_tokens(p, value);
  else if (!strcmp(name, "pid")) add_pid(p, value);
  else fail("the plan has an unknown line: %s", name);
}

void plan_read(struct plan *p) {
  *p = (struct plan){.host = "127.0.0.1", .headers = strdup(""), .rooms = 1, .members = 1,
    .senders = 1, .in_flight = 1, .payload = 128, .warmup = 1, .seconds = 1, .at_once = 64,
    .patience = 20};
  char *line = NULL;
  size_t capacity = 0;
  ssize_t length;
  while ((length = getline(&line, &capacity, stdin)) > 0) {
    if (line[length - 1] == '\n') line[--length] = 0;
    if (!length) continue;
    char *value = strchr(line, ' ');
    if (!value) fail("the plan has a line without a value: %s", line);
    *value++ = 0;
    set(p, line, value);
  }
  free(line);
  if (!p->work || !p->path || !p->port) fail("the plan lacks work, path or port");
  if (p->senders > p->members) fail("more senders than members");
}

char *plan_fill(const struct plan *p, const char *text, int room, int index) {
  char *filled = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&filled, &size);
  while (*text) {
    if (!strncmp(text, "{room}", 6)) { fprintf(out, "room-%d", room); text += 6; }
    else if (!strncmp(text, "{index}", 7)) { fprintf(out, "%d", index); text += 7; }
    else if (!strncmp(text, "{token}", 7)) {
      if (!p->token_count) fail("the plan has no tokens");
      fputs(p->tokens[index % p->token_count], out);
      text += 7;
    } else fputc(*text++, out);
  }
  fclose(out);
  return filled;
}
