// The least that a program can do which takes bytes from TCP connections into a file: receive into
// one buffer, write it, nothing looked at. What a collector is measured against.
//
//   minimal PORT FILE BUFFER_BYTES CONNECTIONS     ends when so many connections have come and gone
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static int fail(const char* what) {
  perror(what);
  return 74;
}

static int write_all(int file, const char* data, size_t size) {
  while (size > 0) {
    const ssize_t written = write(file, data, size);
    if (written < 0) return -1;
    data += written;
    size -= (size_t)written;
  }
  return 0;
}

static void watch(int epoll, int handle) {
  struct epoll_event event;
  memset(&event, 0, sizeof event);
  event.events = EPOLLIN;
  event.data.fd = handle;
  epoll_ctl(epoll, EPOLL_CTL_ADD, handle, &event);
}

int main(int count, char** arguments) {
  if (count < 5) {
    fprintf(stderr, "usage: minimal PORT FILE BUFFER_BYTES CONNECTIONS\n");
    return 64;
  }
  const size_t buffer_bytes = (size_t)atol(arguments[3]);
  int connections = atoi(arguments[4]);
  char* buffer = malloc(buffer_bytes);
  const int file = open(arguments[2], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0 || buffer == NULL) return fail(arguments[2]);
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  struct sockaddr_in address;
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_port = htons((unsigned short)atoi(arguments[1]));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener, (struct sockaddr*)&address, sizeof address) < 0) return fail("bind");
  if (listen(listener, 64) < 0) return fail("listen");
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  watch(epoll, listener);
  while (connections > 0) {
    struct epoll_event events[32];
    const int ready = epoll_wait(epoll, events, 32, -1);
    for (int index = 0; index < ready; ++index) {
      const int handle = events[index].data.fd;
      if (handle == listener) {
        watch(epoll, accept4(listener, NULL, NULL, SOCK_CLOEXEC));
        continue;
      }
      const ssize_t got = recv(handle, buffer, buffer_bytes, 0);
      if (got <= 0) {
        close(handle);
        --connections;
      } else if (write_all(file, buffer, (size_t)got) < 0) {
        return fail(arguments[2]);
      }
    }
  }
  return close(file) < 0 ? fail(arguments[2]) : 0;
}
