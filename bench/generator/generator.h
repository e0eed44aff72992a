/* Load generator: plan in on stdin, one line of JSON out on stdout. See README.md beside this. */
#ifndef GENERATOR_H
#define GENERATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* plan.c ------------------------------------------------------------------------------------ */

enum { MAX_STEPS = 8, MAX_PIDS = 64 };

/* One step from an open WebSocket to a member of a room: send a text, or wait for one. */
struct step {
  bool send;
  char *text;
};

struct plan {
  char *work;    /* chat, echo, idle, handshakes */
  char *host;    /* value of the Host header */
  int port;
  char *path;    /* request target; {room} and {index} are filled in */
  char *headers; /* more header lines, each ended with \r\n; {token} is filled in */
  char **tokens;
  int token_count;
  struct step steps[MAX_STEPS];
  int step_count;
  char *publish; /* text of a publication: {room}, {id}, {body} */
  char *answer_ping, *answer_pong; /* a ping of the protocol's own, as text, and its answer */
  int rooms, members, senders, in_flight;
  double rate; /* publications a second and room; 0 = as many as in_flight lets through */
  int payload; /* bytes of {body} */
  double warmup, seconds, patience; /* patience: without any progress */
  int connections; /* of echo, idle and handshakes */
  int at_once;     /* connections being opened at a time */
  bool split, pings, binary;
  double stall;   /* seconds that the first member of each room reads nothing */
  bool dead;      /* the second member of each room never reads again */
  int slow_bytes; /* bytes a second that the first member of each room reads; 0 = all */
  int slices;     /* of the window, each with memory and latencies of its own; 0 = none */
  int pids[MAX_PIDS];
  int pid_count;
};

void plan_read(struct plan *plan);
/* A copy of the text with {room}, {index} and {token} filled in. */
char *plan_fill(const struct plan *plan, const char *text, int room, int index);

/* websocket.c ------------------------------------------------------------------------------- */

enum opcode { OP_TEXT = 1, OP_BINARY = 2, OP_CLOSE = 8, OP_PING = 9, OP_PONG = 10 };

struct frame {
  int opcode;
  uint8_t *payload;
  size_t length;
};

/* Bytes of the frame at the front of the input, 0 when it is not whole yet. */
size_t frame_parse(uint8_t *at, size_t available, struct frame *frame);
/* Bytes of a masked frame with this payload. */
size_t frame_size(size_t length);
/* Writes a masked frame, returns its size. */
size_t frame_build(uint8_t *into, int opcode, const uint8_t *payload, size_t length);

/* connection.c ------------------------------------------------------------------------------ */

enum state { CONNECTING, UPGRADING, STEPPING, LIVE, CLOSED };

struct connection {
  int fd;
  enum state state;
  int step;
  int index, room, local; /* number of all; of its room; among the room's members */
  bool reading, checked;  /* in epoll's set; counted in the check of correctness */
  uint8_t *in;            /* the start of a frame that is not whole yet */
  size_t in_length;
  uint8_t *out; /* what the socket has not taken */
  size_t out_length, out_sent, out_capacity;
  struct work_state *own; /* of the work */
};

/* What a work does with its connections. */
struct work {
  void (*live)(struct connection *c);
  void (*message)(struct connection *c, const struct frame *frame);
  void (*read_done)(struct connection *c); /* after all frames of one read */
  void (*closed)(struct connection *c);
};

extern struct plan plan;
extern struct connection *connections;
extern uint64_t pongs, bytes_received;

void connections_start(const struct work *work, int count);
void connection_open(struct connection *c);
void connection_send(struct connection *c, const uint8_t *bytes, size_t length); /* queues */
void connection_flush(struct connection *c);
void connection_drop(struct connection *c); /* with a reset */
void connection_read(struct connection *c, bool reading);
/* Reads at most so many bytes, for a slow reader that is not in epoll's set. */
void connection_read_some(struct connection *c, size_t most);
/* Waits for what comes next, at most this long, and handles it. */
void turn(double seconds);
/* Opens all connections and waits until each is live. */
void open_all(int count);
/* Ends the process, saying what is wrong. */
void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* measure.c --------------------------------------------------------------------------------- */

enum { HISTOGRAM_MICROS = 4000000 };

struct cost {
  double at, server, own; /* seconds: wall, CPU of the server, CPU of this process */
};

struct histogram {
  uint32_t *buckets;
  uint64_t count;
};

extern struct histogram latencies; /* of the measured window */

struct memory {
  long rss_kb;
  long own_kb; /* without what is mapped from files, which the kernel takes back when it likes */
};

double now(void);
uint64_t now_nanos(void);
struct cost cost_now(void);
struct memory server_memory(void);
void latency_add(struct histogram *h, uint64_t nanos);
void latency_clear(struct histogram *h);
double latency_at(const struct histogram *h, double share); /* milliseconds */
/*
 * The time before the measured window, and the end of the window. They last until the server has
 * worked for long enough (the window not where a rate is given), so that a warm-up is one, and a
 * window tells enough, on a machine that others use too.
 */
void warm_up(void run_until(double end));
struct cost window_end(struct cost from, void run_until(double end));
/* The fields that every report has, without the closing brace. */
void report_window(struct cost from, struct cost to, uint64_t frames);

/* the works --------------------------------------------------------------------------------- */

void chat_run(void);
void echo_run(void);
void idle_run(void);
void handshakes_run(void);

#endif
