// A container's first process whose first act is to ask for names; prints what the first reply to each was.
//
//   first SERVER NEIGHBOUR NAME…   asks SERVER and 127.0.0.11 for A of each NAME and for its own PTR; tells NEIGHBOUR to ask
//   first SERVER                   asks SERVER for what others tell it to, on port 7000
//
// A line for each: who asked, whom, name, the asking container's address, ms until the reply, its code and its records.
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST 32

struct question {
  const char *who, *whom;
  char name[256], wanted[64];
  struct sockaddr_in to;
  int type, is_answered;
};

static struct question questions[MOST];
static int count;
static double began;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static struct sockaddr_in at(const char *address, int port) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
  inet_pton(AF_INET, address, &to.sin_addr);
  return to;
}

static void ask(int s, const char *who, const char *server, const char *name, int type, const char *wanted) {
  if (count == MOST) return;
  struct question *q = &questions[count];
  memset(q, 0, sizeof *q);
  q->who = who;
  q->whom = strcmp(server, "127.0.0.11") ? "berth" : "Docker";
  q->to = at(server, 53);
  q->type = type;
  snprintf(q->name, sizeof q->name, "%s", name);
  snprintf(q->wanted, sizeof q->wanted, "%s", wanted);
  unsigned char message[300] = {count >> 8, count, 1, 0, 0, 1}, *p = message + 12;
  for (const char *label = name; *label;) {
    size_t length = strcspn(label, ".");
    *p++ = length;
    memcpy(p, label, length);
    p += length;
    label += length + (label[length] == '.');
  }
  const unsigned char end[] = {0, 0, type, 0, 1};
  memcpy(p, end, sizeof end);
  count++;
  sendto(s, message, p - message + sizeof end, 0, (void *)&q->to, sizeof q->to);
}

static int skip(const unsigned char *m, int i, int length) {
  while (i < length && m[i] != 0 && m[i] < 192) i += m[i] + 1;
  return i + (i < length && m[i] >= 192 ? 2 : 1);
}

static void tell(const struct question *q, const unsigned char *m, int length) {
  printf("%s %s %d %s %s %.1f %d", q->who, q->whom, q->type, q->name, q->wanted, now() - began, m[3] & 15);
  int i = skip(m, 12, length) + 4;
  for (int k = 0; k < m[7] && i + 10 < length; k++) {
    i = skip(m, i, length) + 10;
    char text[256] = "";
    if (q->type == 1) inet_ntop(AF_INET, m + i, text, sizeof text);
    else
      for (int j = i; j < length && m[j] != 0 && m[j] < 192; j += m[j] + 1)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%.*s.", m[j], m + j + 1);
    printf(" %s", text);
    i += m[i - 2] << 8 | m[i - 1];
  }
  printf("\n");
}

static void listen_for_replies(int s) {
  int open = count;
  while (open > 0 && now() - began < 3000) {
    struct pollfd waiting = {s, POLLIN, 0};
    unsigned char m[1500];
    if (poll(&waiting, 1, 100) <= 0) continue;
    int length = recv(s, m, sizeof m, 0), id = m[0] << 8 | m[1];
    if (length < 12 || id >= count || questions[id].is_answered) continue;
    questions[id].is_answered = 1;
    tell(&questions[id], m, length);
    open--;
  }
  fflush(stdout);
}

static void pointer_of(struct in_addr address, char *name) {
  unsigned a = ntohl(address.s_addr);
  sprintf(name, "%u.%u.%u.%u.in-addr.arpa", a & 255, a >> 8 & 255, a >> 16 & 255, a >> 24);
}

int main(int argc, char **argv) {
  int s = socket(AF_INET, SOCK_DGRAM, 0);
  char own[64], pointer[64], told[512] = "";
  if (argc == 2) {
    int orders = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(7000)};
    bind(orders, (void *)&here, sizeof here);
    for (;;) {
      struct sockaddr_in from;
      socklen_t size = sizeof from;
      int length = recvfrom(orders, told, sizeof told - 1, 0, (void *)&from, &size);
      if (length < 0) continue;
      told[length] = 0;
      count = 0;
      began = now();
      inet_ntop(AF_INET, &from.sin_addr, own, sizeof own);
      pointer_of(from.sin_addr, pointer);
      ask(s, "neighbour", argv[1], told, 1, own);
      ask(s, "neighbour", argv[1], pointer, 12, told);
      listen_for_replies(s);
    }
  }
  began = now();
  struct sockaddr_in neighbour = at(argv[2], 7000), here;
  socklen_t size = sizeof here;
  int there = socket(AF_INET, SOCK_DGRAM, 0);
  connect(there, (void *)&neighbour, sizeof neighbour);
  send(there, argv[3], strlen(argv[3]), 0);
  getsockname(there, (void *)&here, &size);
  inet_ntop(AF_INET, &here.sin_addr, own, sizeof own);
  pointer_of(here.sin_addr, pointer);
  for (int server = 0; server < 2; server++) {
    const char *address = server ? "127.0.0.11" : argv[1];
    for (int i = 3; i < argc; i++) ask(s, "itself", address, argv[i], 1, own);
    ask(s, "itself", address, pointer, 12, argv[3]);
  }
  listen_for_replies(s);
  for (;;) pause();
}
