// SPDX-License-Identifier: Apache-2.0
/*
 * What is measured: loops of system calls, in a process that takes one command after the other from standard input, a line
 * each, so that it can be measured with and without programs in the kernel:
 *   LOOP PATH COUNT        does it and writes the nanoseconds that all took
 *   paced PATH RATE MS     reads the file at a rate per second, for so long; writes how many reads there were
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL
/* Reads between two looks at the clock when paced. */
#define BATCH 16

static char *executed[] = { "workload", "nothing", NULL };
static char *environment[] = { NULL };

static void fail(const char *what)
{
	fprintf(stderr, "workload: %s: %s\n", what, strerror(errno));
	exit(1);
}

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * SECOND + t.tv_nsec;
}

static int opened(const char *path)
{
	int fd = open(path, O_RDWR);

	if (fd < 0)
		fail(path);
	return fd;
}

static void read_once(int fd)
{
	char byte;

	if (pread(fd, &byte, 1, 0) != 1)
		fail("pread");
}

static void write_once(int fd)
{
	if (pwrite(fd, "x", 1, 0) != 1)
		fail("pwrite");
}

static void read_loop(const char *path, long count)
{
	int fd = opened(path);

	while (count--)
		read_once(fd);
	close(fd);
}

static void read_write_loop(const char *path, long count)
{
	int fd = opened(path);

	while (count--) {
		read_once(fd);
		write_once(fd);
	}
	close(fd);
}

static void open_loop(const char *path, long count)
{
	while (count--) {
		int fd = open(path, O_RDONLY);

		if (fd < 0)
			fail(path);
		close(fd);
	}
}

static void process_loop(const char *path, long count)
{
	while (count--) {
		pid_t child;
		int status;

		errno = posix_spawn(&child, path, NULL, NULL, executed, environment);
		if (errno)
			fail(path);
		if (waitpid(child, &status, 0) != child || status)
			fail("child");
	}
}

/* The process executes itself again and again; what is left is in its arguments. */
static void exec_loop(const char *path, long count, long long began)
{
	char left[24], start[24];
	char *arguments[] = { "workload", "again", (char *)path, left, start, NULL };

	snprintf(left, sizeof(left), "%ld", count);
	snprintf(start, sizeof(start), "%lld", began);
	execve(path, arguments, environment);
	fail(path);
}

static long paced(const char *path, long rate, long milliseconds)
{
	long long began = now(), end = began + milliseconds * (SECOND / 1000);
	int fd = opened(path);
	long done = 0;

	for (long long at = began; at < end; at = now()) {
		if ((double)(at - began) * rate / SECOND < done)
			continue;
		for (int i = 0; i < BATCH; i++, done++)
			read_once(fd);
	}
	close(fd);
	return done;
}

static const struct {
	const char *name;
	void (*run)(const char *path, long count);
} loops[] = {
	{ "pread", read_loop },
	{ "pread+pwrite", read_write_loop },
	{ "open+close", open_loop },
	{ "fork+exec+exit", process_loop },
};

static void obey(const char *name, const char *path, long count, long more)
{
	long long began = now();

	if (!strcmp(name, "paced")) {
		printf("%ld\n", paced(path, count, more));
		return;
	}
	if (!strcmp(name, "exec"))
		exec_loop(path, count, began);
	for (unsigned i = 0; i < sizeof(loops) / sizeof(*loops); i++) {
		if (strcmp(name, loops[i].name))
			continue;
		loops[i].run(path, count);
		printf("%lld\n", now() - began);
		return;
	}
	errno = EINVAL;
	fail(name);
}

int main(int argc, char **argv)
{
	char name[32], path[512];
	long count, more = 0;

	if (argc == 2) /* nothing */
		return 0;
	setvbuf(stdin, NULL, _IONBF, 0); /* an exec must not lose what was read ahead */
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 5) {
		long left = atol(argv[3]);

		if (left > 1)
			exec_loop(argv[2], left - 1, atoll(argv[4]));
		printf("%lld\n", now() - atoll(argv[4]));
	}
	while (scanf("%31s %511s %ld %ld", name, path, &count, &more) == 4)
		obey(name, path, count, more);
	return 0;
}
