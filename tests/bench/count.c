// The far end of a sink: takes what it is sent, counts it, answers as the protocol wants, and looks
// at nothing else, so that the sender is the slower side.
//
//   count tcp|http|forward [FILE]
//
// It listens on a port of 127.0.0.1 that the kernel chooses, and prints it. tcp: counts newlines.
// http: answers every request with 204; FILE gets their bodies one behind the other, to be counted
// afterwards by whoever knows what is in them. forward: acknowledges every PackedForward message by
// the chunk in its option, then counts its entries. Each connection has a process. At SIGTERM it
// prints "units events bytes": connections, requests or messages; newlines or entries (http: 0);
// and all bytes that were read off its sockets.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { buffer_bytes = 12 << 20, receive_bytes = 256 << 10 };

enum { connections_max = 64 };

// Of all connections; each process adds what it has counted by itself.
static struct counts {
  uint64_t units, events, bytes;
}* all;
static uint64_t units = 0, events = 0, bytes = 0;
static int file = -1;
static pid_t processes[connections_max];
static int process_count = 0;

// What has been read and not used is from `used` to `filled`.
static unsigned char buffer[buffer_bytes];
static size_t used = 0, filled = 0;

// What the kernel has for it already is counted first.
static volatile sig_atomic_t leaving = 0;

static void leave(int number) {
  (void)number;
  leaving = 1;
  alarm(1);  // it may have come just before a call that waits
}

static ssize_t receive(int handle, void* into, size_t size) {
  for (;;) {
    const ssize_t got = recv(handle, into, size, leaving ? MSG_DONTWAIT : 0);
    if (got >= 0 || errno != EINTR) return got;
  }
}

static void say_and_end(void) {
  for (int at = 0; at < process_count; ++at) kill(processes[at], SIGTERM);
  while (process_count > 0 && (wait(NULL) > 0 || errno == EINTR)) {
  }
  printf("%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", all->units, all->events, all->bytes);
  exit(0);
}

static void give_up(const char* what) {
  perror(what);
  exit(74);
}

static void send_all(int handle, const void* data, size_t size) {
  // An answer is small: the kernel takes all of it.
  if (send(handle, data, size, MSG_NOSIGNAL) != (ssize_t)size) give_up("send");
}

// Until there are `size` bytes behind `used`. Returns 0 when the connection ends before.
static int have(int handle, size_t size) {
  if (size > buffer_bytes - used) {
    memmove(buffer, buffer + used, filled - used);
    filled -= used;
    used = 0;
    if (size > buffer_bytes) {
      fprintf(stderr, "a message of more than %d bytes\n", buffer_bytes);
      exit(74);
    }
  }
  while (filled - used < size) {
    size_t room = buffer_bytes - filled;
    if (room > receive_bytes) room = receive_bytes;
    const ssize_t got = receive(handle, buffer + filled, room);
    if (got <= 0) return 0;
    filled += (size_t)got;
    bytes += (uint64_t)got;
  }
  return 1;
}

static void use(size_t size) {
  used += size;
  if (used == filled) used = filled = 0;
}

static void serve_tcp(int handle) {
  ++units;
  for (;;) {
    const ssize_t got = receive(handle, buffer, receive_bytes);
    if (got <= 0) return;
    bytes += (uint64_t)got;
    const unsigned char* at = buffer;
    const unsigned char* const end = buffer + got;
    while ((at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
      ++events;
      if (++at == end) break;
    }
  }
}

// --- HTTP ---------------------------------------------------------------------------------------

// Bytes of the head that begins at `used`; 0 when the connection ends before it does.
static size_t head_size(int handle) {
  size_t size = 0;
  for (;;) {
    if (!have(handle, size + 1)) return 0;
    const unsigned char* const end = memmem(buffer + used, filled - used, "\r\n\r\n", 4);
    if (end != NULL) return (size_t)(end - (buffer + used)) + 4;
    size = filled - used;
  }
}

static size_t content_length(size_t head) {
  static const char name[] = "\r\ncontent-length:";
  for (size_t at = 0; at + sizeof name < head; ++at)
    if (strncasecmp((const char*)buffer + used + at, name, sizeof name - 1) == 0)
      return strtoull((const char*)buffer + used + at + sizeof name - 1, NULL, 10);
  return 0;
}

static void serve_http(int handle) {
  static const char answer[] = "HTTP/1.1 204 No Content\r\n\r\n";
  size_t head;
  while ((head = head_size(handle)) > 0) {
    const size_t body = content_length(head);
    if (!have(handle, head + body)) return;
    send_all(handle, answer, sizeof answer - 1);
    ++units;
    if (file >= 0 && write(file, buffer + used + head, body) != (ssize_t)body) give_up("write");
    use(head + body);
  }
}

// --- Forward ------------------------------------------------------------------------------------

static uint64_t big_endian(const unsigned char* at, size_t size) {
  uint64_t value = 0;
  for (size_t index = 0; index < size; ++index) value = value << 8 | at[index];
  return value;
}

// A MessagePack value: how long its head is, how many bytes follow that are its own, and how many
// values. What the Forward protocol has no use for is unknown.
struct value {
  size_t head, body, values;
};

static struct value value_at(const unsigned char* at) {
  const unsigned char kind = at[0];
  if (kind <= 0x7f || kind >= 0xe0) return (struct value){1, 0, 0};
  if (kind <= 0x8f) return (struct value){1, 0, 2 * (kind & 15u)};
  if (kind <= 0x9f) return (struct value){1, 0, kind & 15u};
  if (kind <= 0xbf) return (struct value){1, kind & 31u, 0};
  switch (kind) {
    case 0xc0:
    case 0xc2:
    case 0xc3:
      return (struct value){1, 0, 0};
    case 0xc4:
    case 0xd9:
      return (struct value){2, big_endian(at + 1, 1), 0};
    case 0xc5:
    case 0xda:
      return (struct value){3, big_endian(at + 1, 2), 0};
    case 0xc6:
    case 0xdb:
      return (struct value){5, big_endian(at + 1, 4), 0};
    case 0xcc:
      return (struct value){2, 0, 0};
    case 0xcd:
      return (struct value){3, 0, 0};
    case 0xce:
      return (struct value){5, 0, 0};
    case 0xcf:
      return (struct value){9, 0, 0};
    case 0xd7:  // EventTime
      return (struct value){10, 0, 0};
    case 0xde:
      return (struct value){3, 0, 2 * big_endian(at + 1, 2)};
    default:
      fprintf(stderr, "no value of MessagePack that is used here: %02x\n", kind);
      exit(74);
  }
}

static const unsigned char* behind(const unsigned char* at) {
  for (size_t left = 1; left > 0; --left) {
    const struct value value = value_at(at);
    at += value.head + value.body;
    left += value.values;
  }
  return at;
}

enum { value_head_bytes_max = 10 };

// The value at `from` bytes behind `used`, whole: how many bytes it has. 0: the connection ended.
static size_t whole_value(int handle, size_t from) {
  size_t at = from;
  for (size_t left = 1; left > 0; --left) {
    if (!have(handle, at + 1)) return 0;
    // A head that is cut off is looked at again when there is more of it; one byte says its kind.
    if (filled - used < at + value_head_bytes_max) {
      unsigned char head[value_head_bytes_max] = {0};
      memcpy(head, buffer + used + at, filled - used - at);
      if (!have(handle, at + value_at(head).head)) return 0;
    }
    const struct value value = value_at(buffer + used + at);
    at += value.head + value.body;
    if (!have(handle, at)) return 0;
    left += value.values;
  }
  return at - from;
}

static void acknowledge(int handle, const unsigned char* option) {
  const size_t pairs = value_at(option).values / 2;
  const unsigned char* at = option + value_at(option).head;
  for (size_t pair = 0; pair < pairs; ++pair) {
    const struct value key = value_at(at);
    const unsigned char* const text = at + key.head;
    const unsigned char* const value = behind(at);
    at = behind(value);
    if (key.body != 5 || memcmp(text, "chunk", 5) != 0) continue;
    unsigned char answer[64] = {0x81, 0xa3, 'a', 'c', 'k'};
    const size_t size = (size_t)(at - value);
    if (size > sizeof answer - 5) return;
    memcpy(answer + 5, value, size);
    send_all(handle, answer, 5 + size);
  }
}

static void serve_forward(int handle) {
  for (;;) {
    size_t tag, entries, option;
    if (!have(handle, 1)) return;
    if (buffer[used] != 0x93) give_up("not a message with an option");
    if ((tag = whole_value(handle, 1)) == 0) return;
    if ((entries = whole_value(handle, 1 + tag)) == 0) return;
    if ((option = whole_value(handle, 1 + tag + entries)) == 0) return;
    acknowledge(handle, buffer + used + 1 + tag + entries);
    ++units;
    const unsigned char* at = buffer + used + 1 + tag;
    const unsigned char* const end = at + entries;
    for (at += value_at(at).head; at < end; at = behind(at)) ++events;
    use(1 + tag + entries + option);
  }
}

int main(int count, char** arguments) {
  if (count < 2) {
    fprintf(stderr, "usage: count tcp|http|forward [FILE]\n");
    return 64;
  }
  void (*serve)(int) = strcmp(arguments[1], "tcp") == 0    ? serve_tcp
                       : strcmp(arguments[1], "http") == 0 ? serve_http
                                                           : serve_forward;
  if (count > 2) {
    // A body is one write: those of several connections do not mix.
    file = open(arguments[2], O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
    if (file < 0) give_up(arguments[2]);
  }
  all = mmap(NULL, sizeof *all, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (all == MAP_FAILED) give_up("mmap");
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in address;
  socklen_t size = sizeof address;
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener, (struct sockaddr*)&address, size) < 0) give_up("bind");
  if (listen(listener, 64) < 0) give_up("listen");
  getsockname(listener, (struct sockaddr*)&address, &size);
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = leave;  // calls that wait end with EINTR
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGALRM, &action, NULL);
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  for (;;) {
    if (leaving) fcntl(listener, F_SETFL, O_NONBLOCK);
    const int handle = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (handle < 0 && errno == EINTR) continue;
    if (handle < 0 && leaving) say_and_end();
    if (handle < 0) give_up("accept");
    if (process_count == connections_max) {
      fprintf(stderr, "more than %d connections\n", connections_max);
      return 74;
    }
    const pid_t process = fork();
    if (process < 0) give_up("fork");
    if (process == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      const int yes = 1;
      setsockopt(handle, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
      serve(handle);
      __atomic_fetch_add(&all->units, units, __ATOMIC_RELAXED);
      __atomic_fetch_add(&all->events, events, __ATOMIC_RELAXED);
      __atomic_fetch_add(&all->bytes, bytes, __ATOMIC_RELAXED);
      _exit(0);
    }
    processes[process_count++] = process;
    close(handle);
  }
}
