/* Real faults of the kernel's, as a program meets them: put before libc by LD_PRELOAD.

   The file that PUMICE_SHIM names says what is wrong at the moment; without it nothing is. It is read
   at every call, so that faults come and go in a running program. A line in it is one of

     fail CALL ERRNO GLOB       CALL (write or sync) on a file whose path matches fails with ERRNO
     once CALL ERRNO GLOB                        ... only the first, which makes PUMICE_SHIM.once longer
     slow CALL MILLISECONDS GLOB                     ... takes that much longer
     clock SECONDS              the wall clock is that much ahead; a clock that only ticks is not

   shim.py builds this, and writes that file. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define RULES_BYTES 4096

/* Fills rules with what the control file holds; 0 when there is none. */
static int read_rules(char *rules) {
  const char *path = getenv("PUMICE_SHIM");
  int saved = errno, file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  ssize_t bytes = file < 0 ? 0 : read(file, rules, RULES_BYTES - 1);
  if (file >= 0) close(file);
  errno = saved;
  rules[bytes > 0 ? bytes : 0] = '\0';
  return bytes > 0;
}

/* Whether the one call that is to fail is this one. */
static int is_first(void) {
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s.once", getenv("PUMICE_SHIM"));
  int saved = errno, file = open(path, O_WRONLY | O_CLOEXEC);
  int first = file >= 0 && flock(file, LOCK_EX) == 0 && lseek(file, 0, SEEK_END) == 0 &&
              syscall(SYS_write, file, "x", 1) == 1;
  if (file >= 0) close(file);
  errno = saved;
  return first;
}

/* 0 when the call may go on, else -1 with errno set. */
static int meet(const char *call, int descriptor) {
  char rules[RULES_BYTES], link[64], path[PATH_MAX], *rest, *line;
  if (!read_rules(rules)) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  int saved = errno;
  ssize_t length = readlink(link, path, sizeof path - 1);
  errno = saved;
  if (length < 0) return 0;
  path[length] = '\0';
  for (line = strtok_r(rules, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
    char what[8], which[8], glob[PATH_MAX];
    int number;
    if (sscanf(line, "%7s %7s %d %4095[^\n]", what, which, &number, glob) != 4) continue;
    if (strcmp(which, call) != 0 || fnmatch(glob, path, 0) != 0) continue;
    int once = strcmp(what, "once") == 0;
    if (once && !is_first()) continue;
    if (once || strcmp(what, "fail") == 0) {
      errno = number;
      return -1;
    }
    struct timespec pause = {number / 1000, number % 1000 * 1000000L};
    nanosleep(&pause, NULL);
  }
  return 0;
}

/* How many seconds the wall clock is ahead. */
static long ahead(void) {
  char rules[RULES_BYTES], *line;
  if (!read_rules(rules)) return 0;
  line = strncmp(rules, "clock ", 6) == 0 ? rules : strstr(rules, "\nclock ");
  return line ? atol(strchr(line, ' ')) : 0;
}

/* A call of libc's with the same arguments, unless meet() says no. */
#define INTERPOSE(type, name, call, parameters, ...)                                               \
  type name parameters {                                                                           \
    static type(*real) parameters;                                                                 \
    if (!real) real = (type(*) parameters)dlsym(RTLD_NEXT, #name);                                 \
    return meet(call, descriptor) ? -1 : real(__VA_ARGS__);                                        \
  }

#define BYTES int descriptor, const void *bytes, size_t count
#define PARTS int descriptor, const struct iovec *parts, int count

INTERPOSE(ssize_t, write, "write", (BYTES), descriptor, bytes, count)
INTERPOSE(ssize_t, pwrite, "write", (BYTES, off_t where), descriptor, bytes, count, where)
INTERPOSE(ssize_t, pwrite64, "write", (BYTES, off64_t where), descriptor, bytes, count, where)
INTERPOSE(ssize_t, writev, "write", (PARTS), descriptor, parts, count)
INTERPOSE(ssize_t, pwritev, "write", (PARTS, off_t where), descriptor, parts, count, where)
INTERPOSE(ssize_t, pwritev64, "write", (PARTS, off64_t where), descriptor, parts, count, where)
INTERPOSE(ssize_t, pwritev2, "write", (PARTS, off_t where, int flags), descriptor, parts, count,
          where, flags)
INTERPOSE(ssize_t, pwritev64v2, "write", (PARTS, off64_t where, int flags), descriptor, parts,
          count, where, flags)
INTERPOSE(int, ftruncate, "write", (int descriptor, off_t size), descriptor, size)
INTERPOSE(int, ftruncate64, "write", (int descriptor, off64_t size), descriptor, size)
INTERPOSE(int, fsync, "sync", (int descriptor), descriptor)
INTERPOSE(int, fdatasync, "sync", (int descriptor), descriptor)

int clock_gettime(clockid_t clock, struct timespec *now) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  int result = real(clock, now);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
    now->tv_sec += ahead();
  return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  static int (*real)(struct timeval *, void *);
  if (!real) real = (int (*)(struct timeval *, void *))dlsym(RTLD_NEXT, "gettimeofday");
  int result = real(now, zone);
  if (result == 0) now->tv_sec += ahead();
  return result;
}

time_t time(time_t *where) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (where) *where = now.tv_sec;
  return now.tv_sec;
}
