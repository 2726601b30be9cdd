// Loaded into dnsperf (LD_PRELOAD), which asks from one address, a question for each system call, and knows averages alone.
// It becomes many askers, each with the names of its own network; it sends and reads many datagrams at once, so that one
// core of it can keep a server busy; and how long each answer took is noted, and what every hundredth one said.
//
//   ASKERS      a file, a line for each asker: ADDRESS PROJECT SERVER PORT; 0.0.0.0 is whatever address the system takes
//   LATENCIES   where to write, at the end, how many answers took how long: "NANOSECONDS COUNT" a line
//   SAMPLES     where to write answers: for each the asker's number and the length, 16 bits each, then the message
//
// A name that starts with "p0-" gets the asker's project in place of "p0". dnsperf runs with one thread (-T 1),
// so an ID is one question at a time, and one socket over UDP (-c 1); it sends in one thread and receives in another.
// What was not sent yet leaves before the sender waits for anything.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_ASKERS = 4096, MAX_SOCKETS = 4096, MAX_MESSAGE = 65535 };
/** Datagrams in one call; a question is shorter than ROOM, and so are answers over UDP. */
enum { SENT_AT_ONCE = 16, READ_AT_ONCE = 64, ROOM = 1500, HEADER = 12 };
/** Of answers, one in so many is kept. */
enum { SAMPLED = 100 };
/** Each power of two in so many steps: latencies are true to 1.6 %. */
enum { STEP_BITS = 6, STEPS = 1 << STEP_BITS, BUCKETS = 64 << STEP_BITS };

struct asker {
  struct sockaddr_in source, server;
  char project[16];
};

/** What a connection has sent us of a message so far. */
struct stream {
  int asker;
  size_t have;
  uint8_t bytes[2 + MAX_MESSAGE];
};

static struct asker askers[MAX_ASKERS];
static int asker_count = 1, next_asker;
static struct stream *streams[MAX_SOCKETS];
static uint64_t sent_at[65536];
static uint16_t asked_by[65536];
static uint64_t latencies[BUCKETS];
static uint32_t lot = 1;
static FILE *samples;

static ssize_t (*real_recv)(int, void *, size_t, int);
static ssize_t (*real_write)(int, const void *, size_t);
static int (*real_bind)(int, const struct sockaddr *, socklen_t);
static int (*real_connect)(int, const struct sockaddr *, socklen_t);
static int (*real_timedwait)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);

static void fail(const char *what) {
  fprintf(stderr, "askers: %s\n", what);
  _exit(1);
}

static void __attribute__((constructor)) begin(void) {
  real_recv = dlsym(RTLD_NEXT, "recv");
  real_bind = dlsym(RTLD_NEXT, "bind");
  real_connect = dlsym(RTLD_NEXT, "connect");
  real_write = dlsym(RTLD_NEXT, "write");
  // Of several versions, the one that is used today.
  real_timedwait = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
  FILE *file = fopen(getenv("ASKERS") ? getenv("ASKERS") : "", "r");
  if (!file) fail("ASKERS is no file that can be read");
  char address[64], server[64];
  int port;
  asker_count = 0;
  while (asker_count < MAX_ASKERS &&
         fscanf(file, "%63s %15s %63s %d", address, askers[asker_count].project, server, &port) == 4) {
    struct asker *asker = &askers[asker_count++];
    asker->source.sin_family = asker->server.sin_family = AF_INET;
    asker->server.sin_port = htons(port);
    if (inet_pton(AF_INET, address, &asker->source.sin_addr) != 1) fail("an asker has no IPv4 address");
    if (inet_pton(AF_INET, server, &asker->server.sin_addr) != 1) fail("a server has no IPv4 address");
  }
  fclose(file);
  if (getenv("SAMPLES")) samples = fopen(getenv("SAMPLES"), "w");
}

static void __attribute__((destructor)) end(void) {
  if (samples) fclose(samples);
  FILE *file = getenv("LATENCIES") ? fopen(getenv("LATENCIES"), "w") : NULL;
  if (!file) return;
  for (int i = 0; i < BUCKETS; i++) {
    if (latencies[i] == 0) continue;
    int power = i >> STEP_BITS;
    uint64_t step = i & (STEPS - 1);
    uint64_t ns = power < STEP_BITS ? (uint64_t)i : (STEPS + step) << (power - STEP_BITS);
    fprintf(file, "%lu %lu\n", ns, latencies[i]);
  }
  fclose(file);
}

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000ull + time.tv_nsec;
}

static int bucket_of(uint64_t ns) {
  if (ns < STEPS) return ns;
  int power = 63 - __builtin_clzll(ns);
  return (power << STEP_BITS) + ((ns >> (power - STEP_BITS)) & (STEPS - 1));
}

/** Puts a question into `to` as this asker asks it; gives its length. */
static size_t ask_as(int asker, uint8_t *to, const uint8_t *question, size_t length) {
  if (length < HEADER + 5) fail("dnsperf sends what is no question");
  const uint8_t *label = question + HEADER;
  const char *project = askers[asker].project;
  size_t more = strlen(project);
  asked_by[question[0] << 8 | question[1]] = asker;
  if (label[0] < 3 || memcmp(label + 1, "p0-", 3) != 0) {
    memcpy(to, question, length);
    return length;
  }
  memcpy(to, question, HEADER);
  to[HEADER] = label[0] - 2 + more;
  memcpy(to + HEADER + 1, project, more);
  memcpy(to + HEADER + 1 + more, label + 3, length - HEADER - 3);
  return length - 2 + more;
}

static void note_answer(const uint8_t *message, size_t length) {
  if (length < 12) return;
  uint16_t id = message[0] << 8 | message[1];
  latencies[bucket_of(now() - sent_at[id])]++;
  lot = lot * 1664525 + 1013904223;
  if (!samples || (lot >> 8) % SAMPLED != 0) return;
  uint16_t head[2] = {htons(asked_by[id]), htons(length)};
  fwrite(head, sizeof head, 1, samples);
  fwrite(message, length, 1, samples);
}

static int is_stream(int fd) {
  return fd < MAX_SOCKETS && streams[fd] != NULL;
}

/** Questions on their way out: of the sending thread alone. */
static struct {
  int fd, count;
  uint8_t bytes[SENT_AT_ONCE][ROOM];
  struct iovec parts[SENT_AT_ONCE];
  struct mmsghdr messages[SENT_AT_ONCE];
  union {
    struct cmsghdr head;
    char room[CMSG_SPACE(sizeof(struct in_pktinfo))];
  } sources[SENT_AT_ONCE];
} out;

static void queue_question(int fd, const void *data, size_t length) {
  struct asker *asker = &askers[next_asker];
  int i = out.count++;
  out.fd = fd;
  out.parts[i] = (struct iovec){out.bytes[i], ask_as(next_asker, out.bytes[i], data, length)};
  out.messages[i].msg_hdr = (struct msghdr){.msg_name = &asker->server, .msg_namelen = sizeof asker->server,
                                            .msg_iov = &out.parts[i], .msg_iovlen = 1};
  next_asker = (next_asker + 1) % asker_count;
  if (asker->source.sin_addr.s_addr == INADDR_ANY) return;
  struct cmsghdr *head = &out.sources[i].head;
  *head = (struct cmsghdr){CMSG_LEN(sizeof(struct in_pktinfo)), IPPROTO_IP, IP_PKTINFO};
  *(struct in_pktinfo *)CMSG_DATA(head) = (struct in_pktinfo){.ipi_spec_dst = asker->source.sin_addr};
  out.messages[i].msg_hdr.msg_control = head;
  out.messages[i].msg_hdr.msg_controllen = sizeof out.sources[i];
}

/** What the kernel does not take at once is lost, and told as that. */
static void flush(void) {
  if (out.count == 0) return;
  uint64_t time = now();
  for (int i = 0; i < out.count; i++) sent_at[out.bytes[i][0] << 8 | out.bytes[i][1]] = time;
  for (int sent = 0; sent < out.count;) {
    int more = sendmmsg(out.fd, out.messages + sent, out.count - sent, 0);
    sent += more > 0 ? more : 1;
  }
  out.count = 0;
}

/** A question with its length before it leaves whole: the sender waits for room. */
static void send_framed(int fd, const uint8_t *question, size_t length) {
  uint8_t frame[2 + ROOM];
  size_t size = ask_as(streams[fd]->asker, frame + 2, question, length);
  frame[0] = size >> 8;
  frame[1] = size;
  sent_at[question[0] << 8 | question[1]] = now();
  for (size_t sent = 0; sent < size + 2;) {
    ssize_t more = send(fd, frame + sent, size + 2 - sent, MSG_NOSIGNAL);
    if (more > 0) sent += more;
    else if (errno == EAGAIN) poll(&(struct pollfd){fd, POLLOUT, 0}, 1, 100);
    else return;
  }
}

ssize_t sendto(int fd, const void *data, size_t length, int flags, const struct sockaddr *to, socklen_t to_length) {
  (void)flags, (void)to, (void)to_length;
  if (length > ROOM / 2) fail("a question that is longer than questions are");
  if (is_stream(fd)) send_framed(fd, (const uint8_t *)data + 2, length - 2);
  else queue_question(fd, data, length);
  if (out.count == SENT_AT_ONCE) flush();
  return length;
}

/** A connection is one asker's from the start: dnsperf binds before it connects. */
int bind(int fd, const struct sockaddr *at, socklen_t length) {
  int type = 0;
  socklen_t size = sizeof type;
  getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size);
  if (type != SOCK_STREAM || fd >= MAX_SOCKETS) return real_bind(fd, at, length);
  if (!streams[fd]) streams[fd] = calloc(1, sizeof(struct stream));
  streams[fd]->have = 0;
  streams[fd]->asker = next_asker;
  next_asker = (next_asker + 1) % asker_count;
  return real_bind(fd, (struct sockaddr *)&askers[streams[fd]->asker].source, sizeof askers->source);
}

int connect(int fd, const struct sockaddr *to, socklen_t length) {
  if (!is_stream(fd)) return real_connect(fd, to, length);
  return real_connect(fd, (struct sockaddr *)&askers[streams[fd]->asker].server, sizeof askers->server);
}

static void take(struct stream *stream, const uint8_t *data, size_t length) {
  while (length > 0) {
    size_t want = stream->have < 2 ? 2 : 2 + (stream->bytes[0] << 8 | stream->bytes[1]);
    size_t part = want - stream->have < length ? want - stream->have : length;
    memcpy(stream->bytes + stream->have, data, part);
    stream->have += part;
    data += part;
    length -= part;
    if (stream->have < 2 || stream->have < 2 + (size_t)(stream->bytes[0] << 8 | stream->bytes[1])) continue;
    note_answer(stream->bytes + 2, stream->have - 2);
    stream->have = 0;
  }
}

/** Answers read and not yet asked for: of the receiving thread alone. */
static struct {
  int count, next;
  uint8_t bytes[READ_AT_ONCE][ROOM];
  struct iovec parts[READ_AT_ONCE];
  struct mmsghdr messages[READ_AT_ONCE];
} in;

ssize_t recv(int fd, void *data, size_t length, int flags) {
  if (is_stream(fd)) {
    ssize_t got = real_recv(fd, data, length, flags);
    if (got > 0) take(streams[fd], data, got);
    // dnsperf's sender has closed it meanwhile, for the server had, and has another.
    if (got < 0 && errno == EBADF) errno = EAGAIN;
    return got;
  }
  if (in.next == in.count) {
    for (int i = 0; i < READ_AT_ONCE; i++) {
      in.parts[i] = (struct iovec){in.bytes[i], ROOM};
      in.messages[i].msg_hdr = (struct msghdr){.msg_iov = &in.parts[i], .msg_iovlen = 1};
    }
    in.next = 0;
    in.count = recvmmsg(fd, in.messages, READ_AT_ONCE, MSG_DONTWAIT, NULL);
    if (in.count < 0) {
      in.count = 0;
      return -1;
    }
    for (int i = 0; i < in.count; i++) note_answer(in.bytes[i], in.messages[i].msg_len);
  }
  size_t got = in.messages[in.next].msg_len;
  memcpy(data, in.bytes[in.next++], got < length ? got : length);
  return got;
}

// Where the sender waits, or ends.

int usleep(useconds_t us) {
  flush();
  return nanosleep(&(struct timespec){us / 1000000, us % 1000000 * 1000}, NULL);
}

unsigned sleep(unsigned seconds) {
  flush();
  if (seconds == 0) return sched_yield();
  return nanosleep(&(struct timespec){seconds, 0}, NULL) == 0 ? 0 : seconds;
}

int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *lock, const struct timespec *until) {
  flush();
  return real_timedwait(condition, lock, until);
}

ssize_t write(int fd, const void *data, size_t length) {
  flush();
  return real_write(fd, data, length);
}
