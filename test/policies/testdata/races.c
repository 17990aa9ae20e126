/* SPDX-License-Identifier: Apache-2.0 */
/* Races: what is changed by one thread while another makes calls that a policy is about. */
#include "provoke.h"
#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

/* What goes to and fro between two places. */
struct race {
	const char *name;
	/* Sets out from the first place. */
	void (*begin)(char **places);
	/* Goes from one place to another. */
	void (*go)(const char *from, const char *to);
	/* The call that is about where it is; n tells it from others. */
	void (*call)(long n);
};

static char moving[2][4096];

static void open_file(const char *folder)
{
	char path[4096 + 8];

	snprintf(path, sizeof(path), "%s/file", folder);
	current = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0644);
	if (current < 0)
		fail(path);
}

static void call_of_file(long n)
{
	char byte;

	syscall(SYS_pread64, current, &byte, 0, n);
}

static void begin_rename(char **places)
{
	for (int i = 0; i < 2; i++)
		snprintf(moving[i], sizeof(moving[i]), "%s/moving", places[i]);
	if (mkdir(moving[0], 0755))
		fail("mkdir");
	open_file(moving[0]);
}

static void go_by_rename(const char *from, const char *to)
{
	bool back = strncmp(moving[0], from, strlen(from));

	if (rename(moving[back], moving[!back]))
		fail("rename");
}

static void begin_mount(char **places)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount(NULL, places[0], "tmpfs", 0, NULL))
		fail("mount");
	open_file(places[0]);
}

static void go_by_mount(const char *from, const char *to)
{
	if (mount(from, to, NULL, MS_MOVE, NULL))
		fail("move the mount");
}

static void enter(const char *procs)
{
	char self[32];
	int length = snprintf(self, sizeof(self), "%d", getpid()), fd = open(procs, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, self, length) != length)
		fail(procs);
	close(fd);
}

static void begin_cgroup(char **places) { enter(places[0]); }
static void go_by_cgroup(const char *from, const char *to) { enter(to); }
static void call_of_process(long n) { syscall(SYS_getsid, n); }

static const struct race races[] = {
	{"rename", begin_rename, go_by_rename, call_of_file},
	{"mount", begin_mount, go_by_mount, call_of_file},
	{"cgroup", begin_cgroup, go_by_cgroup, call_of_process},
};

static struct {
	const struct race *race;
	char **places;
	/* Odd while it is on its way; half of it says where it is. */
	unsigned long moves;
	bool end;
} shared;

static void *keep_moving(void *unused)
{
	unsigned int seed = 1;

	while (!__atomic_load_n(&shared.end, __ATOMIC_SEQ_CST)) {
		int at = shared.moves / 2 & 1;

		__atomic_add_fetch(&shared.moves, 1, __ATOMIC_SEQ_CST);
		shared.race->go(shared.places[at], shared.places[!at]);
		__atomic_add_fetch(&shared.moves, 1, __ATOMIC_SEQ_CST);
		for (volatile int wait = rand_r(&seed) % 20000; wait > 0; wait--)
			;
	}
	return NULL;
}

static long milliseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

#define BURST 8

/* Writes of each call that was made while nothing moved its number and the place, 0 or 1. */
static long run_race(int n, char **w)
{
	const struct timespec pause = {.tv_nsec = 200000};
	long end = milliseconds() + number(w[4]);
	FILE *out = fopen(w[5], "we");
	pthread_t mover;

	for (size_t i = 0; i < sizeof(races) / sizeof(*races); i++)
		if (!strcmp(w[1], races[i].name))
			shared.race = &races[i];
	if (!out || !shared.race)
		fail("race");
	shared.places = w + 2;
	shared.race->begin(shared.places);
	if (pthread_create(&mover, NULL, keep_moving, NULL))
		fail("pthread_create");
	for (long call = 1; milliseconds() < end; call++) {
		unsigned long before = __atomic_load_n(&shared.moves, __ATOMIC_SEQ_CST);

		shared.race->call(call);
		if (!(before & 1) && before == __atomic_load_n(&shared.moves, __ATOMIC_SEQ_CST))
			fprintf(out, "%ld %lu\n", call, before / 2 & 1);
		if (call % BURST == 0)
			nanosleep(&pause, NULL);
	}
	__atomic_store_n(&shared.end, true, __ATOMIC_SEQ_CST);
	if (pthread_join(mover, NULL) || fclose(out))
		fail("end");
	return 0;
}

/* Children of children, each of which makes one call with a number of its own, 1 to WORKERS * EACH. */
static long run_storm(int n, char **w)
{
	long workers = number(w[1]), each = number(w[2]);
	int status;

	for (long worker = 0; worker < workers; worker++) {
		pid_t child = fork();

		if (child < 0)
			fail("fork");
		if (child)
			continue;
		for (long i = 1; i <= each; i++) {
			child = fork();
			if (child < 0)
				fail("fork");
			if (!child) {
				syscall(SYS_getsid, worker * each + i);
				_exit(0);
			}
			if (i % BURST == 0)
				while (wait(&status) > 0)
					;
		}
		while (wait(&status) > 0)
			;
		_exit(0);
	}
	while (wait(&status) > 0)
		if (status)
			fail("a worker");
	return 0;
}

const struct command race_commands[] = {
	{"race", 5, run_race, "rename|mount|cgroup PLACE PLACE MILLISECONDS FILE: calls while something goes to and fro"},
	{"storm", 2, run_storm, "WORKERS EACH: children that each call getsid"},
	{},
};
