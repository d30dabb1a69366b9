// Sends messages to 127.0.0.1 as fast as they are taken, or at a rate. One thread; what it sends is
// made once before it starts, so that the receiver is the slower side.
//
//   blast tcp|udp plain|3164|5424 PORT CONNECTIONS MESSAGES [PER_SECOND]
//
// Prints "messages bytes seconds" when the kernel has taken everything. Over TCP each message ends
// with a newline, and every connection sends MESSAGES / CONNECTIONS of them (the first ones one
// more); over UDP a message is a datagram and CONNECTIONS is the number of sending sockets.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { connections_max = 1024, block_messages = 2048, message_bytes_max = 512, burst_max = 64 };

// The messages of one block, one behind the other.
static char block[block_messages * message_bytes_max];
static size_t begins[block_messages + 1];

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static uint32_t random_below(uint32_t limit) {
  static uint64_t state = 88172645463325252u;
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (uint32_t)((state >> 32) * limit >> 32);
}

static size_t put_head(char* at, int format) {
  const unsigned priority = random_below(24) * 8 + random_below(8);
  const unsigned process = 600 + random_below(8);
  const unsigned minute = random_below(60);
  const unsigned second = random_below(60);
  if (format == 3164)
    return (size_t)sprintf(at, "<%u>Nov 22 12:%02u:%02u gateway-17 sensord[%u]: ", priority, minute,
                           second, process);
  if (format == 5424)
    return (size_t)sprintf(
        at, "<%u>1 2026-11-22T12:%02u:%02u.123456Z gateway-17 sensord %u ID47 %s ", priority,
        minute, second, process, "[origin software=\"sensord\" enterpriseId=\"32473\"]");
  return 0;
}

static void make_block(int format, int newline) {
  size_t at = 0;
  for (int index = 0; index < block_messages; ++index) {
    begins[index] = at;
    at += put_head(block + at, format);
    at += (size_t)sprintf(block + at,
                          "level=info device=%04x:%02x channel=%u value=%u.%02u latency_us=%u "
                          "queue=%u msg=\"reading accepted and stored\" number=%05d",
                          random_below(512), random_below(256), random_below(32), random_below(120),
                          random_below(100), random_below(9000), random_below(64), index);
    if (newline) block[at++] = '\n';
  }
  begins[block_messages] = at;
}

struct connection {
  int handle;
  uint64_t messages_left;
  int message;    // of the block, that is being sent
  size_t offset;  // within it
};
static struct connection connections[connections_max];

static int connect_to(int type, int port) {
  struct sockaddr_in address;
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_port = htons((unsigned short)port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  // The receiver may still be starting.
  for (int attempt = 0; attempt < 500; ++attempt) {
    const int handle = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    if (connect(handle, (struct sockaddr*)&address, sizeof address) == 0) return handle;
    close(handle);
    usleep(10000);
  }
  perror("connect");
  exit(69);
}

// Sends what the kernel takes now. Returns 1 when the connection has nothing left.
static int send_some(struct connection* to) {
  while (to->messages_left > 0) {
    uint64_t last = (uint64_t)to->message + to->messages_left;
    if (last > block_messages) last = block_messages;
    const size_t from = begins[to->message] + to->offset;
    const ssize_t sent =
        send(to->handle, block + from, begins[last] - from, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    if (sent < 0) {
      perror("send");
      exit(74);
    }
    const size_t reached = from + (size_t)sent;
    while (to->message < block_messages && begins[to->message + 1] <= reached) {
      ++to->message;
      --to->messages_left;
    }
    to->offset = reached - begins[to->message];
    if (to->message == block_messages) to->message = 0;
    // One block at a time: the others get their turn.
    if (to->message == 0) return to->messages_left == 0;
  }
  return 1;
}

static void send_streams(int count) {
  struct pollfd ready[connections_max];
  int open = count;
  for (int index = 0; index < count; ++index)
    ready[index] = (struct pollfd){connections[index].handle, POLLOUT, 0};
  while (open > 0) {
    poll(ready, (nfds_t)count, -1);
    for (int index = 0; index < count; ++index) {
      if (ready[index].fd < 0 || ready[index].revents == 0) continue;
      if (!send_some(&connections[index])) continue;
      close(connections[index].handle);
      ready[index].fd = -1;
      --open;
    }
  }
}

// In bursts of at most 64, paced so that the mean rate holds at every moment.
static void send_datagrams(int count, uint64_t messages, double per_second) {
  struct mmsghdr headers[burst_max];
  struct iovec parts[burst_max];
  const double started = now();
  uint64_t sent = 0;
  int socket_index = 0;
  while (sent < messages) {
    uint64_t due = messages;
    if (per_second > 0) {
      due = (uint64_t)((now() - started) * per_second) + 1;
      if (due > messages) due = messages;
      if (due < messages && due < sent + burst_max / 2) {
        // Short of half a burst: sleep rather than spin, the receiver may share the machine.
        const struct timespec pause = {0, 50000};
        nanosleep(&pause, NULL);
        continue;
      }
    }
    unsigned burst = due - sent > burst_max ? burst_max : (unsigned)(due - sent);
    memset(headers, 0, sizeof headers);
    for (unsigned index = 0; index < burst; ++index) {
      const size_t message = (size_t)((sent + index) % block_messages);
      parts[index].iov_base = block + begins[message];
      parts[index].iov_len = begins[message + 1] - begins[message];
      headers[index].msg_hdr.msg_iov = &parts[index];
      headers[index].msg_hdr.msg_iovlen = 1;
    }
    const int taken = sendmmsg(connections[socket_index].handle, headers, burst, 0);
    if (taken < 0 && errno != ECONNREFUSED && errno != EINTR) {
      perror("sendmmsg");
      exit(74);
    }
    if (taken > 0) sent += (uint64_t)taken;
    socket_index = (socket_index + 1) % count;
  }
}

int main(int argument_count, char** arguments) {
  if (argument_count < 6) {
    fprintf(stderr,
            "usage: blast tcp|udp plain|3164|5424 PORT CONNECTIONS MESSAGES [PER_SECOND]\n");
    return 64;
  }
  const int stream = strcmp(arguments[1], "tcp") == 0;
  const int format = atoi(arguments[2]);  // "plain" is 0
  const int port = atoi(arguments[3]);
  const int count = atoi(arguments[4]);
  const uint64_t messages = strtoull(arguments[5], NULL, 10);
  const double per_second = argument_count > 6 ? atof(arguments[6]) : 0;
  if (count < 1 || count > connections_max) return 64;
  signal(SIGPIPE, SIG_IGN);
  make_block(format, stream);
  for (int index = 0; index < count; ++index) {
    connections[index].handle = connect_to(stream ? SOCK_STREAM : SOCK_DGRAM, port);
    const uint64_t share = messages / (uint64_t)count;
    const uint64_t first_ones = messages % (uint64_t)count;
    connections[index].messages_left = share + ((uint64_t)index < first_ones ? 1 : 0);
  }
  const double started = now();
  if (stream) {
    send_streams(count);
  } else {
    send_datagrams(count, messages, per_second);
  }
  const uint64_t whole = messages / block_messages * begins[block_messages];
  printf("%" PRIu64 " %" PRIu64 " %.6f\n", messages, whole + begins[messages % block_messages],
         now() - started);
  return 0;
}
