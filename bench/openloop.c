/* An open loop: requests leave at their times, whatever the answers do.
 *
 *   openloop PORT ASKED RATE SECONDS CONNECTIONS MOST PATIENCE WARM TURN  prints one line of JSON (bench/openloop.py)
 *
 * ASKED is the path of a plain GET, or `@` and a file of whole requests without bodies, all of the length of the first,
 * which are sent in turn. Request number n is due n/RATE seconds after the start. It goes out on the connection that has
 * rested longest (TURN `all`) or shortest (`few`: as many are used as are needed, and the rest cost neither side
 * anything); when none rests, on a new one, up to MOST; when all MOST are busy it waits, up to PATIENCE, and then was
 * never sent. An answer's time counts from when its request was due, so that a stall is charged to all who waited
 * (coordinated omission). A client that had no answer within PATIENCE resets its connection and is gone.
 *
 * `on_time` counts requests that left within ON_TIME_SECONDS of when they were due: only those were truly offered. The
 * rest is this program's own limit, or that of its core.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ON_TIME_SECONDS 0.1
#define PREPARE_SECONDS 10

enum { BUFFER = 4096, EVENTS = 512, STATUSES = 600, BURST = 64 };

enum state { FREE, CONNECTING, RESTING, BUSY };

struct connection {
  int descriptor;
  enum state state;
  double due;
  size_t filled;                     /* bytes of the answer's head in `buffer` */
  size_t missing;                    /* bytes of its body still to come */
  int status, closing;
  struct connection *before, *after; /* in the list of its state */
  char buffer[BUFFER];
};

/* A list of connections: those at rest, longest first; those under way, in the order in which they were due. */
struct list { struct connection *first, *last; };

struct times { float *seconds; size_t count, room; };

static struct list resting, pending, unused;
static struct times answers[STATUSES], lateness;
static struct sockaddr_in server = {.sin_family = AF_INET};
static const char *requests;
static size_t request_bytes, request_count, next_request;
static int epoll, few;
static size_t open_now, most_open, refused, broken, gave_up, unsent, sent, on_time;
static double measured_from;

static void die(const char *what) { perror(what); exit(1); }

static double now(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec + at.tv_nsec / 1e9;
}

static void append(struct list *list, struct connection *one) {
  one->before = list->last;
  one->after = NULL;
  *(list->last ? &list->last->after : &list->first) = one;
  list->last = one;
}

static void cut(struct list *list, struct connection *one) {
  *(one->before ? &one->before->after : &list->first) = one->after;
  *(one->after ? &one->after->before : &list->last) = one->before;
}

static void keep(struct times *times, double seconds) {
  if (times->count == times->room) {
    times->room = times->room ? 2 * times->room : 4096;
    times->seconds = realloc(times->seconds, times->room * sizeof(float));
    if (!times->seconds) die("realloc");
  }
  times->seconds[times->count++] = seconds;
}

static int counts(const struct connection *one) { return one->due >= measured_from; }

/* Ends a connection, by a reset when its client had no answer: no port may stay occupied (TIME_WAIT). */
static void hang_up(struct connection *one) {
  struct linger reset = {.l_onoff = 1};
  if (one->state != FREE) setsockopt(one->descriptor, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  close(one->descriptor);
  cut(one->state == RESTING ? &resting : &pending, one);
  one->state = FREE;
  append(&unused, one);
  open_now--;
}

static void rest(struct connection *one) {
  one->state = RESTING;
  one->filled = one->missing = 0;
  append(&resting, one);
}

/* A request fits a socket's empty buffer, so it always leaves in one piece. */
static void write_request(struct connection *one) {
  const char *request = requests + next_request++ % request_count * request_bytes;
  one->state = BUSY;
  if (send(one->descriptor, request, request_bytes, MSG_NOSIGNAL) != (ssize_t)request_bytes) {
    broken += counts(one);
    hang_up(one);
  }
}

/* Opens a connection and sends the request as soon as it stands. */
static void dial(struct connection *one) {
  int yes = 1;
  one->descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (one->descriptor < 0) die("socket");
  setsockopt(one->descriptor, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  one->state = CONNECTING;
  one->filled = one->missing = 0;
  open_now++;
  if (open_now > most_open) most_open = open_now;
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET | EPOLLRDHUP, .data.ptr = one};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, one->descriptor, &event)) die("epoll_ctl");
  if (connect(one->descriptor, (struct sockaddr *)&server, sizeof server) && errno != EINPROGRESS) {
    refused += counts(one);
    hang_up(one);
  }
}

static void leave(double late) {
  sent++;
  on_time += late <= ON_TIME_SECONDS;
  keep(&lateness, late);
}

/* Sends the request that is due, if a connection may be had. */
static int dispatch(double due) {
  struct connection *rested = few ? resting.last : resting.first, *one = rested ? rested : unused.first;
  if (!one) return 0;
  int fresh = !rested;
  cut(fresh ? &unused : &resting, one);
  append(&pending, one);
  one->due = due;
  if (fresh) dial(one);
  else write_request(one);
  return 1;
}

/* Reads the head at the start of the buffer; 0 while it is incomplete. */
static int read_head(struct connection *one) {
  one->buffer[one->filled] = 0;
  char *end = strstr(one->buffer, "\r\n\r\n");
  if (!end) {
    if (one->filled == BUFFER - 1) { fputs("an answer's head beyond 4 kB\n", stderr); exit(1); }
    return 0;
  }
  size_t head = end + 4 - one->buffer;
  end[2] = 0;
  one->status = atoi(one->buffer + 9);
  char *length = strcasestr(one->buffer, "\r\ncontent-length:");
  one->closing = strcasestr(one->buffer, "\r\nconnection: close") != NULL;
  if (!length || one->status < 200 || one->status >= STATUSES) {
    fprintf(stderr, "an answer without Content-Length, or none at all: %.300s\n", one->buffer);
    exit(1);
  }
  size_t body = strtoul(length + 17, NULL, 10), here = one->filled - head;
  one->missing = body > here ? body - here : 0;
  return 1;
}

static void finish(struct connection *one) {
  if (counts(one)) keep(&answers[one->status], now() - one->due);
  if (one->closing) { hang_up(one); return; }
  cut(&pending, one);
  rest(one);
}

/* Takes what came; -1 when the connection ended, 1 when the answer is whole. */
static int take(struct connection *one) {
  static char waste[1 << 16];
  for (;;) {
    char *into = one->missing ? waste : one->buffer + one->filled;
    size_t room = one->missing ? (one->missing < sizeof waste ? one->missing : sizeof waste) : BUFFER - 1 - one->filled;
    ssize_t got = recv(one->descriptor, into, room, 0);
    if (got < 0) return errno == EAGAIN ? 0 : -1;
    if (got == 0) return -1;
    if (one->missing) one->missing -= got;
    else {
      one->filled += got;
      if (!read_head(one)) continue;
    }
    if (!one->missing) return 1;
  }
}

static void serve(struct connection *one, uint32_t events) {
  if (one->state == CONNECTING) {
    int error = 0;
    socklen_t length = sizeof error;
    getsockopt(one->descriptor, SOL_SOCKET, SO_ERROR, &error, &length);
    if (error) { refused += counts(one); hang_up(one); return; }
    if (!(events & EPOLLOUT)) return;
    write_request(one);
  } else if (one->state == BUSY) {
    int outcome = take(one);
    one->closing |= (events & EPOLLRDHUP) != 0; /* it will not be said again */
    if (outcome < 0) { broken += counts(one); hang_up(one); }
    else if (outcome > 0) finish(one);
  } else if (one->state == RESTING && events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) hang_up(one);
}

/* Sleeps until something comes or `until`; epoll_wait alone has the grain of milliseconds. */
static void wait_for(double until) {
  struct epoll_event events[EVENTS];
  double left = until - now();
  if (left > 0) {
    struct timespec most = {.tv_sec = left, .tv_nsec = (left - (long)left) * 1e9};
    struct pollfd ready = {.fd = epoll, .events = POLLIN};
    ppoll(&ready, 1, &most, NULL);
  }
  int count = epoll_wait(epoll, events, EVENTS, 0);
  for (int each = 0; each < count; each++) serve(events[each].data.ptr, events[each].events);
}

static void give_up(double patience, double at) {
  while (pending.first && pending.first->due + patience < at) {
    gave_up += counts(pending.first);
    hang_up(pending.first);
  }
}

/* Opens the first connections, BURST at a time, so that no crowd of them meets the backlog. */
static void prepare(int connections) {
  while (connections > 0) {
    for (int burst = 0; burst < BURST && connections > 0; burst++, connections--) {
      struct connection *one = unused.first;
      cut(&unused, one);
      append(&pending, one);
      one->due = now();
      dial(one);
    }
    double deadline = now() + PREPARE_SECONDS;
    while (pending.first) {
      if (now() > deadline) { fputs("no answer before the start\n", stderr); exit(1); }
      wait_for(deadline);
    }
  }
}

static void run(double rate, size_t total, double patience) {
  double begin = now() + 0.01;
  size_t next = 0;
  while (next < total || pending.first) {
    double at = now();
    give_up(patience, at);
    for (int burst = 0; next < total && burst < BURST; burst++) {
      double due = begin + next / rate;
      if (due > at) break;
      if (due + patience < at) unsent += due >= measured_from;
      else if (!dispatch(due)) break;
      else if (due >= measured_from) leave(now() - due);
      next++;
    }
    double wake = pending.first ? pending.first->due + patience : at + 1;
    if (next < total && (resting.first || unused.first)) {
      double due = begin + next / rate;
      if (due < wake) wake = due;
    }
    wait_for(wake);
  }
}

static int ascending(const void *left, const void *right) {
  float difference = *(const float *)left - *(const float *)right;
  return (difference > 0) - (difference < 0);
}

static double percentile(const struct times *times, double share) {
  if (!times->count) return 0;
  size_t place = share * times->count;
  return times->seconds[place < times->count ? place : times->count - 1];
}

static void report(void) {
  qsort(lateness.seconds, lateness.count, sizeof(float), ascending);
  printf("{\"sent\":%zu,\"on_time\":%zu,\"unsent\":%zu,\"gave_up\":%zu,\"broken\":%zu,\"refused\":%zu,\"connections\":%zu,"
         "\"late_p99_seconds\":%.6f,\"answers\":{", sent, on_time, unsent, gave_up, broken, refused, most_open,
         percentile(&lateness, 0.99));
  const char *comma = "";
  for (int status = 0; status < STATUSES; status++) {
    struct times *times = &answers[status];
    if (!times->count) continue;
    qsort(times->seconds, times->count, sizeof(float), ascending);
    printf("%s\"%d\":{\"count\":%zu,\"p50_seconds\":%.6f,\"p99_seconds\":%.6f,\"p999_seconds\":%.6f,\"most_seconds\":%.6f}",
           comma, status, times->count, percentile(times, 0.5), percentile(times, 0.99), percentile(times, 0.999),
           times->seconds[times->count - 1]);
    comma = ",";
  }
  printf("}}\n");
}

/* Reads what is asked, as ASKED says. */
static void prepare_requests(const char *asked) {
  if (*asked != '@') {
    static char plain[BUFFER];
    requests = plain;
    request_count = 1;
    request_bytes = snprintf(plain, sizeof plain, "GET %s HTTP/1.1\r\nHost: bench\r\nUser-Agent: bench\r\n\r\n", asked);
    if (request_bytes >= sizeof plain) { fputs("a path beyond 4 kB\n", stderr); exit(1); }
    return;
  }
  struct stat file;
  int descriptor = open(asked + 1, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0 || fstat(descriptor, &file)) die(asked + 1);
  requests = mmap(NULL, file.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, descriptor, 0);
  if (requests == MAP_FAILED) die(asked + 1);
  const char *end = memmem(requests, file.st_size, "\r\n\r\n", 4);
  if (!end) { fputs("no request in the file\n", stderr); exit(1); }
  request_bytes = end + 4 - requests;
  request_count = file.st_size / request_bytes;
  if (file.st_size % request_bytes) { fputs("requests of different lengths\n", stderr); exit(1); }
}

int main(int count, char **words) {
  if (count != 10) { fputs("openloop PORT ASKED RATE SECONDS CONNECTIONS MOST PATIENCE WARM TURN\n", stderr); return 2; }
  double rate = atof(words[3]), seconds = atof(words[4]), patience = atof(words[7]), warm = atof(words[8]);
  int most = atoi(words[6]);
  few = strcmp(words[9], "few") == 0;
  if (!few && strcmp(words[9], "all")) { fputs("TURN is all or few\n", stderr); return 2; }
  server.sin_port = htons(atoi(words[1]));
  server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  prepare_requests(words[2]);
  prctl(PR_SET_TIMERSLACK, 1);
  epoll = epoll_create1(EPOLL_CLOEXEC);
  struct connection *all = calloc(most, sizeof *all);
  if (epoll < 0 || !all) die("openloop");
  for (int each = 0; each < most; each++) append(&unused, &all[each]);
  measured_from = 1e300;             /* nothing counts before the start */
  prepare(atoi(words[5]));
  most_open = open_now;
  measured_from = now() + 0.01 + warm;
  run(rate, rate * (seconds + warm) + 0.5, patience);
  report();
  return 0;
}
