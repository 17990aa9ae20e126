/* SPDX-License-Identifier: Apache-2.0 */
/* Ways to execute a program beside execve, and to have it in memory so that it could run. */
#include "provoke.h"
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

extern char **environ;

static long run_execveat(int n, char **w) { return syscall(SYS_execveat, current, w[1], inner(w + 1), environ, 0); }
static long run_execveat_empty(int n, char **w) { return syscall(SYS_execveat, current, "", inner(w), environ, AT_EMPTY_PATH); }

/* Copies a file to a descriptor. */
static void copy_to(int to, const char *path)
{
	int from = open(path, O_RDONLY | O_CLOEXEC);
	struct stat s;

	if (from < 0 || fstat(from, &s))
		fail(path);
	for (off_t done = 0; done < s.st_size;)
		if (sendfile(to, from, &done, s.st_size - done) <= 0)
			fail("sendfile");
	close(from);
}

static long run_copy_program(int n, char **w)
{
	int to = open(w[2], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);

	if (to < 0)
		fail(w[2]);
	copy_to(to, w[1]);
	return close(to);
}

static long run_exec_memory(int n, char **w)
{
	int memory = memfd_create("copy", MFD_CLOEXEC);

	if (memory < 0)
		fail("memfd_create");
	copy_to(memory, w[1]);
	return syscall(SYS_execveat, memory, "", inner(w + 1), environ, AT_EMPTY_PATH);
}

static long run_protect_exec(int n, char **w)
{
	char *memory = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, current, 0);

	return memory == MAP_FAILED ? -1 : mprotect(memory, 4096, PROT_READ | PROT_EXEC);
}

/* Fails unless the file is mapped so that it can be executed. */
static long run_mapped_exec(int n, char **w)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char protection[8], path[4096] = "";

	if (!maps)
		fail("maps");
	while (fscanf(maps, "%*s %7s %*s %*s %*s%*[ ]", protection) == 1) {
		if (fscanf(maps, "%4095[^\n]", path) == 1 && protection[2] == 'x' && !strcmp(path, w[1]))
			return 0;
		path[0] = 0;
	}
	errno = ENOEXEC;
	return -1;
}

static long run_personality(int n, char **w) { return personality(number(w[1])); }

static long run_exchange(int n, char **w) { return renameat2(AT_FDCWD, w[1], AT_FDCWD, w[2], RENAME_EXCHANGE); }

const struct command exec_commands[] = {
	{"execveat", 1, run_execveat, "NAME [ARG...]: below the current directory descriptor"},
	{"execveat-empty", 0, run_execveat_empty, "[ARG...]: what the current descriptor is"},
	{"copy-program", 2, run_copy_program, "FROM TO: a copy that can be executed"},
	{"exec-memory", 1, run_exec_memory, "PATH [ARG...]: a copy in a memfd"},
	{"protect-exec", 0, run_protect_exec, ": maps the current file to be read, and makes that executable"},
	{"mapped-exec", 1, run_mapped_exec, "PATH: fails unless it is mapped to be executed"},
	{"personality", 1, run_personality, "BITS"},
	{"exchange", 2, run_exchange, "ONE OTHER: RENAME_EXCHANGE"},
	{},
};
