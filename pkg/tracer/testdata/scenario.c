// SPDX-License-Identifier: Apache-2.0
/*
 * One small behaviour per word, for the tests of the tracer: scenario WORD [ARG...]
 *
 *   exit CODE             ends with CODE
 *   signal NUMBER         ends by that signal
 *   fork-exit CODE        forks; the child ends with CODE without executing anything
 *   thread-exec CMD...    executes CMD from a thread that is not the leader
 *   thread-last CODE      the leader ends first; a thread ends the process with CODE
 *   vfork-exec CMD...     executes CMD in a vfork child
 *   memfd-exec FILE ARG…  executes a copy of FILE that is in memory only
 *   unlink-exec FILE ARG… executes a copy of FILE that is unlinked before its exec ends
 *   exec CMD...           executes CMD in place
 *   orphan CMD...         executes CMD in a grandchild whose parent has ended
 *   same-pid CMD...       executes CMD in two children, one after the other, with the same pid
 *   many NUMBER RATE CMD  runs CMD NUMBER times, RATE per second if the machine can
 *   seek NUMBER           calls lseek(2) NUMBER times, with the offsets 0 to NUMBER - 1, in each of two processes
 *   flood                 calls lseek(2) until SIGTERM comes, and writes how often that was
 *   pace NUMBER RATE      calls lseek(2) NUMBER times, with the offsets 0 to NUMBER - 1, RATE per second if the machine can
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static void fail(const char *what)
{
	perror(what);
	exit(99);
}

static void execute(char **argv)
{
	execve(argv[0], argv, environ);
	fail(argv[0]);
}

static void *execute_in_thread(void *argv)
{
	execute(argv);
	return NULL;
}

static pthread_t leader;

static void *end_after_leader(void *code)
{
	pthread_join(leader, NULL);
	syscall(SYS_exit, atoi(code)); /* of this thread: the last one */
	return NULL;
}

static void wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			fail("waitpid");
}

static int copy_to(int to, const char *file)
{
	int from = open(file, O_RDONLY | O_CLOEXEC);
	struct stat status;

	if (from < 0 || fstat(from, &status))
		fail(file);
	for (off_t at = 0; at < status.st_size;)
		if (sendfile(to, from, &at, status.st_size - at) <= 0)
			fail("copy");
	close(from);
	return to;
}

static void memfd_exec(char **argv)
{
	int fd = copy_to(memfd_create("hidden", MFD_CLOEXEC), argv[0]);

	fexecve(fd, argv, environ);
	fail("fexecve");
}

static void unlink_exec(char **argv)
{
	char path[] = "/tmp/trace-sec-unlinked";
	int fd = copy_to(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755), argv[0]);

	close(fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	unlink(path);
	fexecve(fd, argv, environ);
	fail("fexecve");
}

static void orphan(char **argv)
{
	int ready[2];
	char byte;

	if (pipe(ready))
		fail("pipe");
	pid_t child = fork();
	if (child == 0) {
		if (fork() == 0) {
			close(ready[1]);
			if (read(ready[0], &byte, 1) != 0) /* until the parent has ended and been reaped */
				fail("read");
			execute(argv);
		}
		close(ready[0]);
		_exit(0);
	}
	wait_for(child);
	close(ready[1]);
}

static void same_pid(char **argv)
{
	char last[16];
	pid_t first = 0;

	for (int i = 0; i < 100; i++) { /* another process may take the pid in between */
		pid_t child = fork();
		if (child == 0)
			execute(argv);
		wait_for(child);
		if (child == first)
			return;
		first = child;
		int fd = open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);
		int length = snprintf(last, sizeof(last), "%d", first - 1);
		if (fd < 0 || write(fd, last, length) != length)
			fail("ns_last_pid");
		close(fd);
	}
	exit(98);
}

static void many(long number, long rate, char **argv)
{
	const int most_at_once = 32;
	struct timespec next;
	int running = 0;

	clock_gettime(CLOCK_MONOTONIC, &next);
	for (long i = 0; i < number; i++) {
		pid_t child;

		if (posix_spawn(&child, argv[0], NULL, NULL, argv, environ))
			fail("posix_spawn");
		running++;
		while (running > 0 && waitpid(-1, NULL, running < most_at_once ? WNOHANG : 0) > 0)
			running--;
		next.tv_nsec += 1000000000L / rate;
		if (next.tv_nsec >= 1000000000L) {
			next.tv_nsec -= 1000000000L;
			next.tv_sec++;
		}
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
	}
	for (; running > 0; running--)
		wait_for(-1);
}

static void seek(long number)
{
	int file = memfd_create("seek", 0);
	pid_t child;

	signal(SIGUSR1, SIG_IGN); /* what a policy sends for some of the calls */
	child = fork();
	for (long i = 0; i < number; i++)
		if (lseek(file, i, SEEK_SET) != i)
			fail("lseek");
	if (child == 0)
		_exit(0);
	wait_for(child);
}

static volatile sig_atomic_t over;

static void end_flood(int signal)
{
	over = signal;
}

static void flood(void)
{
	int file = memfd_create("flood", 0);
	long number = 0;

	signal(SIGTERM, end_flood);
	signal(SIGUSR1, SIG_IGN); /* what a policy sends for some of the calls */
	for (; !over; number++)
		if (lseek(file, number, SEEK_SET) != number)
			fail("lseek");
	printf("%ld\n", number);
}

static void pace(long number, long rate)
{
	int file = memfd_create("pace", 0);
	struct timespec next;

	clock_gettime(CLOCK_MONOTONIC, &next);
	for (long i = 0; i < number; i++) {
		if (lseek(file, i, SEEK_SET) != i)
			fail("lseek");
		next.tv_nsec += 1000000000L / rate;
		if (next.tv_nsec >= 1000000000L) {
			next.tv_nsec -= 1000000000L;
			next.tv_sec++;
		}
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
	}
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "";
	pthread_t thread;

	argv += 2;
	if (!strcmp(word, "exit"))
		return atoi(argv[0]);
	if (!strcmp(word, "signal")) {
		raise(atoi(argv[0]));
		return 97;
	}
	if (!strcmp(word, "fork-exit")) {
		pid_t child = fork();
		if (child == 0)
			_exit(atoi(argv[0]));
		wait_for(child);
	} else if (!strcmp(word, "thread-exec")) {
		pthread_create(&thread, NULL, execute_in_thread, argv);
		pthread_join(thread, NULL);
	} else if (!strcmp(word, "thread-last")) {
		leader = pthread_self();
		pthread_create(&thread, NULL, end_after_leader, argv[0]);
		pthread_exit(NULL);
	} else if (!strcmp(word, "vfork-exec")) {
		pid_t child = vfork();
		if (child == 0) {
			execve(argv[0], argv, environ);
			_exit(99);
		}
		wait_for(child);
	} else if (!strcmp(word, "memfd-exec")) {
		memfd_exec(argv);
	} else if (!strcmp(word, "unlink-exec")) {
		unlink_exec(argv);
	} else if (!strcmp(word, "exec")) {
		execute(argv);
	} else if (!strcmp(word, "orphan")) {
		orphan(argv);
	} else if (!strcmp(word, "same-pid")) {
		same_pid(argv);
	} else if (!strcmp(word, "many")) {
		many(atol(argv[0]), atol(argv[1]), argv + 2);
	} else if (!strcmp(word, "seek")) {
		seek(atol(argv[0]));
	} else if (!strcmp(word, "flood")) {
		flood();
	} else if (!strcmp(word, "pace")) {
		pace(atol(argv[0]), atol(argv[1]));
	} else {
		fprintf(stderr, "scenario: unknown word %s\n", word);
		return 96;
	}
	return 0;
}
