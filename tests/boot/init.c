// The first process of a guest that exists for one test: it runs what /plan says, shows on the
// console how each part ended, hands over files as base64, and switches the machine off. It never
// judges: tests/boot/run reads the console and does. Every line of its own begins with "@@ ".
//
// /plan, a line each:
//   round NAME open|refused   run the agent with /round.toml, feed it, stop it, show its file;
//                             refused: io_uring_setup answers EPERM, as seccomp in a container does
//   suite DRIVER              run /suite with RUNNEL_DRIVER=DRIVER
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

// What tests/boot/run expects, and tests/boot/round.toml makes.
enum { lines_sent = 3000, events_generated = 5000, port = 5170, patience_s = 60 };

static _Noreturn void power_off(void) {
  fflush(stdout);
  tcdrain(STDOUT_FILENO);
  reboot(RB_POWER_OFF);
  for (;;) pause();
}

static _Noreturn void give_up(const char* what) {
  printf("@@ failed %s: %s\n", what, strerror(errno));
  power_off();
}

static void must(int answer, const char* what) {
  if (answer < 0) give_up(what);
}

// Forbids io_uring for this process and what it executes.
static void refuse_io_uring(void) {
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 425, 0, 1),  // io_uring_setup, on every architecture
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};
  must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
  must(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), "seccomp");
}

static pid_t start_agent(int refused, int* output) {
  int ends[2];
  must(pipe(ends), "pipe");
  const pid_t child = fork();
  must(child, "fork");
  if (child == 0) {
    dup2(ends[1], STDOUT_FILENO);
    close(ends[0]);
    close(ends[1]);
    if (refused) refuse_io_uring();
    execl("/runnel", "/runnel", "run", "-c", "/round.toml", (char*)NULL);
    give_up("exec of /runnel");
  }
  close(ends[1]);
  *output = ends[0];
  return child;
}

static int connect_to_agent(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (int attempt = 0; attempt < patience_s * 20; ++attempt) {
    const int peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(peer, "socket");
    if (connect(peer, (struct sockaddr*)&address, sizeof(address)) == 0) return peer;
    close(peer);
    usleep(50 * 1000);
  }
  give_up("connect to the agent");
}

static void write_all(int to, const char* text, size_t size) {
  while (size > 0) {
    const ssize_t written = write(to, text, size);
    if (written < 0 && errno == EINTR) continue;
    must((int)written, "write");
    text += written;
    size -= (size_t)written;
  }
}

// In a process of its own: the agent waits for room in its channel until its output is read.
static pid_t start_sender(void) {
  const pid_t child = fork();
  must(child, "fork");
  if (child != 0) return child;
  const int peer = connect_to_agent();
  char lines[4096];
  size_t size = 0;
  for (int number = 0; number < lines_sent; ++number) {
    size += (size_t)sprintf(lines + size, "tcp %06d ", number);
    for (int at = 0; at < number % 97; ++at) lines[size++] = (char)('a' + (number + at) % 26);
    lines[size++] = '\n';
    // Pieces that end anywhere in a line.
    if (size > 3000) {
      write_all(peer, lines, size - 37);
      memmove(lines, lines + size - 37, 37);
      size = 37;
    }
  }
  write_all(peer, lines, size);
  close(peer);
  _exit(0);
}

// Until every event has come out of the console sink: then it is in the channel for both.
static void await_events(int output) {
  static char piece[65536];
  long events = 0;
  while (events < lines_sent + events_generated) {
    struct pollfd readable = {output, POLLIN, 0};
    const int ready = poll(&readable, 1, patience_s * 1000);
    must(ready, "poll");
    const ssize_t size = ready == 0 ? 0 : read(output, piece, sizeof(piece));
    if (size <= 0) {
      printf("@@ note only %ld events came out of the console sink\n", events);
      return;
    }
    for (ssize_t at = 0; at < size; ++at) events += piece[at] == '\n';
  }
}

static void show_file(const char* path) {
  static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const int file = open(path, O_RDONLY);
  struct stat info;
  if (file < 0 || fstat(file, &info) != 0) {
    printf("@@ missing %s\n", path);
    return;
  }
  printf("@@ file %s %lld\n", path, (long long)info.st_size);
  unsigned char piece[768];
  ssize_t size;
  while ((size = read(file, piece, sizeof(piece))) > 0) {
    char line[1024 + 1];
    size_t used = 0;
    for (ssize_t at = 0; at < size; at += 3) {
      const unsigned bits = (unsigned)piece[at] << 16 | (at + 1 < size ? piece[at + 1] << 8 : 0) |
                            (at + 2 < size ? piece[at + 2] : 0);
      line[used++] = letters[bits >> 18];
      line[used++] = letters[bits >> 12 & 63];
      line[used++] = at + 1 < size ? letters[bits >> 6 & 63] : '=';
      line[used++] = at + 2 < size ? letters[bits & 63] : '=';
    }
    line[used++] = '\n';
    fwrite(line, 1, used, stdout);
  }
  close(file);
  printf("@@ end\n");
}

static void show_end(const char* what, const char* name, int status) {
  if (WIFSIGNALED(status))
    printf("@@ %s %s ended by signal %d\n", what, name, WTERMSIG(status));
  else
    printf("@@ %s %s ended with %d\n", what, name, WEXITSTATUS(status));
}

static void play_round(const char* name, int refused) {
  printf("@@ round %s\n", name);
  int output, status = 0;
  const pid_t agent = start_agent(refused, &output);
  const pid_t sender = start_sender();
  await_events(output);
  waitpid(sender, &status, 0);
  show_end("sender", name, status);
  kill(agent, SIGTERM);
  waitpid(agent, &status, 0);
  close(output);
  show_end("round", name, status);
  show_file("/tmp/out/events.zst");
  unlink("/tmp/out/events.zst");
}

static void play_suite(const char* driver) {
  printf("@@ suite %s\n", driver);
  const pid_t child = fork();
  must(child, "fork");
  if (child == 0) {
    setenv("RUNNEL_DRIVER", driver, 1);
    setenv("RUNNEL_EXPECT_URING", "1", 1);
    execl("/suite", "/suite", "--no-colors=true", (char*)NULL);
    give_up("exec of /suite");
  }
  int status = 0;
  waitpid(child, &status, 0);
  show_end("suite", driver, status);
}

static void prepare_machine(void) {
  mkdir("/proc", 0755);
  mkdir("/tmp", 01777);
  must(mount("proc", "/proc", "proc", 0, NULL), "mount of /proc");
  must(mount("tmpfs", "/tmp", "tmpfs", 0, NULL), "mount of /tmp");
  struct termios raw;
  if (tcgetattr(STDOUT_FILENO, &raw) == 0) {
    cfmakeraw(&raw);
    tcsetattr(STDOUT_FILENO, TCSANOW, &raw);
  }
  struct ifreq loopback = {.ifr_flags = IFF_UP | IFF_RUNNING};
  strcpy(loopback.ifr_name, "lo");
  const int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  must(control, "socket");
  must(ioctl(control, SIOCSIFFLAGS, &loopback), "loopback up");
  close(control);
}

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  prepare_machine();
  FILE* plan = fopen("/plan", "re");
  if (plan == NULL) give_up("/plan");
  char line[128], name[32], how[32];
  while (fgets(line, sizeof(line), plan) != NULL) {
    if (sscanf(line, "round %31s %31s", name, how) == 2)
      play_round(name, strcmp(how, "refused") == 0);
    else if (sscanf(line, "suite %31s", name) == 1)
      play_suite(name);
    else
      printf("@@ failed: the plan says %s", line);
    fflush(stdout);
  }
  printf("@@ done\n");
  power_off();
}
