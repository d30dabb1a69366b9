// Runs a program on one core and says what it cost: exact rusage of that process alone, its peak
// memory not mixed with that of whoever started it (a process inherits the peak of its parent's
// image until exec, so the parent has to be this small).
//
//   measure REPORT CORE PORT program arguments...
//
// REPORT gets the process id in its first line; in its second, as soon as it is known, the seconds
// from the fork until PORT of 127.0.0.1 accepted a connection (PORT 0: not tried, printed as -1);
// and when the process has ended, a third one:
//   wall user system peak_kib voluntary involuntary status
// in seconds, KiB, context switches, wait status. SIGTERM and SIGINT are passed on.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile pid_t child = 0;

static void pass_on(int number) {
  if (child > 0) kill(child, number);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static double seconds(struct timeval time) {
  return (double)time.tv_sec + (double)time.tv_usec * 1e-6;
}

static void pin(int core) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET((size_t)core, &cores);
  // A machine with one core has no second one; then everything shares it.
  sched_setaffinity(0, sizeof cores, &cores);
}

static double wait_until_listening(int port, double started) {
  struct sockaddr_in address;
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_port = htons((unsigned short)port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  // Only looked at: its end is counted later, once.
  siginfo_t ended = {0};
  while (now() - started < 10.0 && waitid(P_PID, (id_t)child, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         ended.si_pid == 0) {
    const int handle = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int failed = connect(handle, (struct sockaddr*)&address, sizeof address);
    const double after = now() - started;
    close(handle);
    if (!failed) return after;
  }
  return -1;
}

int main(int count, char** arguments) {
  if (count < 5) {
    fprintf(stderr, "usage: measure REPORT CORE PORT program arguments...\n");
    return 64;
  }
  FILE* report = fopen(arguments[1], "we");
  if (report == NULL) {
    perror(arguments[1]);
    return 74;
  }
  const int core = atoi(arguments[2]);
  const int port = atoi(arguments[3]);
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = pass_on;
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
  const double started = now();
  child = fork();
  if (child == 0) {
    pin(core);
    execvp(arguments[4], arguments + 4);
    perror(arguments[4]);
    _exit(127);
  }
  fprintf(report, "%d\n", (int)child);
  fflush(report);
  const double listening = port > 0 ? wait_until_listening(port, started) : -1;
  fprintf(report, "%.6f\n", listening);
  fflush(report);
  int status = 0;
  struct rusage usage;
  while (wait4(child, &status, 0, &usage) < 0)
    if (errno != EINTR) return 71;
  fprintf(report, "%.6f %.6f %.6f %ld %ld %ld %d\n", now() - started, seconds(usage.ru_utime),
          seconds(usage.ru_stime), usage.ru_maxrss, usage.ru_nvcsw, usage.ru_nivcsw, status);
  fclose(report);
  return 0;
}
