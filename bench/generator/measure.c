/* CPU and memory of the server's processes, and how long deliveries take. */
#define _GNU_SOURCE
#include "generator.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

struct histogram latencies;

uint64_t now_nanos(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

double now(void) { return (double)now_nanos() / 1e9; }

/* Nanoseconds that the threads of a process have run, as the scheduler counts them. */
static uint64_t threads_nanos(int pid) {
  char path[300];
  snprintf(path, sizeof path, "/proc/%d/task", pid);
  DIR *tasks = opendir(path);
  if (!tasks) return 0;
  uint64_t total = 0;
  for (struct dirent *task; (task = readdir(tasks));) {
    if (task->d_name[0] == '.') continue;
    snprintf(path, sizeof path, "/proc/%d/task/%.20s/schedstat", pid, task->d_name);
    FILE *file = fopen(path, "r");
    unsigned long long nanos;
    if (!file) continue;
    if (fscanf(file, "%llu", &nanos) == 1) total += nanos;
    fclose(file);
  }
  closedir(tasks);
  return total;
}

/* User and system time of a process with all its threads, those that ended too; in ticks. */
static uint64_t process_nanos(int pid) {
  char path[64], text[1024];
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  FILE *file = fopen(path, "r");
  if (!file) fail("the server is gone (process %d)", pid);
  size_t length = fread(text, 1, sizeof text - 1, file);
  fclose(file);
  text[length] = 0;
  unsigned long long user = 0, system = 0;
  const char *fields = strrchr(text, ')');
  if (!fields || sscanf(fields + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu",
                        &user, &system) != 2) fail("cannot read %s", path);
  return (user + system) * (1000000000ull / (uint64_t)sysconf(_SC_CLK_TCK));
}

struct cost cost_now(void) {
  uint64_t server = 0;
  for (int i = 0; i < plan.pid_count; i++) {
    uint64_t coarse = process_nanos(plan.pids[i]), fine = threads_nanos(plan.pids[i]);
    /* The scheduler's figure is exact but leaves out threads that have ended. */
    server += fine > coarse || coarse - fine < 20000000 ? fine : coarse;
  }
  struct rusage own;
  getrusage(RUSAGE_SELF, &own);
  double used = (double)(own.ru_utime.tv_sec + own.ru_stime.tv_sec) +
                (double)(own.ru_utime.tv_usec + own.ru_stime.tv_usec) / 1e6;
  return (struct cost){now(), (double)server / 1e9, used};
}

/* Runs on until the server has worked for so many seconds more, or this many times as long has passed. */
static void work_until(void run_until(double), struct cost from, double seconds, double times) {
  double latest = from.at + seconds * times, step = 0.02;
  while (now() < latest && cost_now().server - from.server < seconds) run_until(now() + step);
}

void warm_up(void run_until(double)) { work_until(run_until, cost_now(), plan.warmup, 30); }

struct cost window_end(struct cost from, void run_until(double)) {
  run_until(from.at + plan.seconds);
  if (plan.rate == 0) work_until(run_until, from, plan.seconds * 0.7, 15);
  return cost_now();
}

struct memory server_memory(void) {
  struct memory total = {0, 0};
  long page_kb = sysconf(_SC_PAGESIZE) / 1024;
  for (int i = 0; i < plan.pid_count; i++) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/statm", plan.pids[i]);
    FILE *file = fopen(path, "r");
    long size, resident = 0, files = 0;
    if (!file || fscanf(file, "%ld %ld %ld", &size, &resident, &files) != 3)
      fail("cannot read %s", path);
    fclose(file);
    total.rss_kb += resident * page_kb;
    total.own_kb += (resident - files) * page_kb;
  }
  return total;
}

/* Buckets of a microsecond; whatever takes longer than all of them is in the last. */
void latency_add(struct histogram *h, uint64_t nanos) {
  uint64_t micros = nanos / 1000;
  if (!h->buckets) h->buckets = calloc(HISTOGRAM_MICROS, sizeof *h->buckets);
  h->buckets[micros < HISTOGRAM_MICROS ? micros : HISTOGRAM_MICROS - 1]++;
  h->count++;
}

void latency_clear(struct histogram *h) {
  if (h->count) memset(h->buckets, 0, HISTOGRAM_MICROS * sizeof *h->buckets);
  h->count = 0;
}

double latency_at(const struct histogram *h, double share) {
  uint64_t rank = (uint64_t)((double)h->count * share), seen = 0;
  if (!h->count) return 0;
  if (rank >= h->count) rank = h->count - 1;
  for (int i = 0; i < HISTOGRAM_MICROS; i++)
    if ((seen += h->buckets[i]) > rank) return ((double)i + 0.5) / 1000;
  return HISTOGRAM_MICROS / 1000.0;
}

void report_window(struct cost from, struct cost to, uint64_t frames) {
  double wall = to.at - from.at;
  printf("{\"frames\":%llu,\"seconds\":%.6f,\"serverCpu\":%.6f,\"generatorCpu\":%.6f,"
         "\"rssKb\":%ld,\"p50\":%.4f,\"p99\":%.4f,\"max\":%.4f",
         (unsigned long long)frames, wall, to.server - from.server, to.own - from.own,
         server_memory().rss_kb, latency_at(&latencies, 0.5),
         latency_at(&latencies, 0.99), latency_at(&latencies, 1));
}
