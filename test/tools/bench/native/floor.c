// The floor: what a DNS server over UDP costs that looks nothing up. Reads questions with recvmmsg, answers each of them
// with one fixed A record, sends with sendmmsg. As an upstream it is one that is never what others wait for.
//
//   floor ADDRESS PORT TTL
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { BATCH = 64, ROOM = 1500, HEADER = 12, RECORD = 16 };

static uint8_t data[BATCH][ROOM];
static struct sockaddr_in6 names[BATCH];
static struct iovec parts[BATCH];
static struct mmsghdr messages[BATCH];

/** Where the only question ends; 0: it is none. */
static size_t question_end(const uint8_t *message, size_t length) {
  if (length < HEADER + 5 || message[2] & 0xf8 || message[4] != 0 || message[5] != 1) return 0;
  size_t at = HEADER;
  while (at < length && message[at] != 0) at += message[at] + 1;
  return at + 5 <= length && at + 5 + RECORD <= ROOM ? at + 5 : 0;
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
  if (inet_pton(AF_INET, argv[1], &at.sin_addr) != 1) return 2;
  uint32_t ttl = htonl(atoi(argv[3]));
  // A pointer to the question's name, A, IN, TTL, 4 bytes: 192.0.2.1 (RFC 5737).
  uint8_t record[RECORD] = {0xc0, HEADER, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 192, 0, 2, 1};
  memcpy(record + 6, &ttl, 4);

  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  int room = 2 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
  if (bind(fd, (struct sockaddr *)&at, sizeof at) != 0) {
    perror("floor: bind");
    return 1;
  }
  for (;;) {
    for (int i = 0; i < BATCH; i++) {
      parts[i] = (struct iovec){data[i], ROOM};
      messages[i].msg_hdr = (struct msghdr){.msg_name = &names[i], .msg_namelen = sizeof names[i],
                                            .msg_iov = &parts[i], .msg_iovlen = 1};
    }
    int count = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);
    int ready = 0;
    for (int i = 0; i < count; i++) {
      size_t end = question_end(data[i], messages[i].msg_len);
      if (end == 0) continue;
      uint8_t *message = data[i];
      // QR and AA, RD as it was; RA, NOERROR; one answer and nothing after it.
      message[2] = 0x84 | (message[2] & 1);
      message[3] = 0x80;
      memcpy(message + 6, "\0\1\0\0\0\0", 6);
      memcpy(message + end, record, RECORD);
      parts[i].iov_len = end + RECORD;
      messages[ready++].msg_hdr = messages[i].msg_hdr;
    }
    for (int sent = 0; sent < ready;) {
      int more = sendmmsg(fd, messages + sent, ready - sent, 0);
      sent += more > 0 ? more : 1;
    }
  }
}
