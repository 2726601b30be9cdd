// What a program does to reach a name: getaddrinfo, both families. For each name one line: the name, milliseconds, the
// error or "ok", and the addresses.
// For EAI_NODATA, which glibc hides.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static const char *word(int error) {
  switch (error) {
    case 0: return "ok";
    case EAI_NONAME: return "NONAME";
    case EAI_AGAIN: return "AGAIN";
    case EAI_FAIL: return "FAIL";
#ifdef EAI_NODATA
    case EAI_NODATA: return "NONAME";
#endif
    default: return gai_strerror(error);
  }
}

int main(int count, char **names) {
  for (int i = 1; i < count; i++) {
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *list = NULL;
    double start = now();
    int error = getaddrinfo(names[i], NULL, &hints, &list);
    printf("%s %.1f %s", names[i], now() - start, word(error));
    for (struct addrinfo *a = error ? NULL : list; a; a = a->ai_next) {
      char text[INET6_ADDRSTRLEN];
      const void *address = a->ai_family == AF_INET6
        ? (const void *)&((struct sockaddr_in6 *)a->ai_addr)->sin6_addr
        : (const void *)&((struct sockaddr_in *)a->ai_addr)->sin_addr;
      printf(" %s", inet_ntop(a->ai_family, address, text, sizeof text));
    }
    putchar('\n');
  }
  return 0;
}
