/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does small things that policies watch, each by a command of its own:
 *
 *   provoke LABEL COMMAND [ARG...] [then COMMAND [ARG...]]...
 *   provoke all FILE        each line of FILE is such a list of words, divided by tabs, that runs in a process of its own
 *   provoke help
 *
 * A command that fails ends the program with 99. Before a command may stand `try`, which ignores what becomes of it, or
 * `expect ERROR` (EPERM, ...), which wants it to fail so. `all` prints a line for each process: its label and its status as a
 * shell gives it.
 */
#include "provoke.h"
#include <sys/wait.h>

int current = -1;

static const struct command *const tables[] = {file_commands, socket_commands, process_commands, kernel_commands, uring_commands, program_commands, change_commands,
					       exec_commands, abi32_commands, arrival_commands, race_commands};

void fail(const char *what)
{
	fprintf(stderr, "provoke: %s: %s\n", what, strerror(errno));
	exit(99);
}

unsigned long number(const char *text)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = text[0] == '-' ? (unsigned long)strtol(text, &end, 0) : strtoul(text, &end, 0);
	if (errno || *end || end == text) {
		errno = errno ? errno : EINVAL;
		fail(text);
	}
	return n;
}

static const struct command *lookup(const char *name)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		for (const struct command *c = tables[i]; c->name; c++)
			if (!strcmp(c->name, name))
				return c;
	errno = ENOENT;
	fail(name);
	return NULL;
}

static void help(void)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		for (const struct command *c = tables[i]; c->name; c++)
			printf("%s %s\n", c->name, c->help);
}

static void run_command(int count, char **words)
{
	const char *expected = NULL;
	const struct command *c;
	bool try = false;
	long result;

	if (count > 1 && !strcmp(words[0], "try")) {
		try = true;
		words++, count--;
	} else if (count > 2 && !strcmp(words[0], "expect")) {
		expected = words[1];
		words += 2, count -= 2;
	}
	c = lookup(words[0]);
	if (count - 1 < c->least) {
		errno = EINVAL;
		fail(c->name);
	}
	errno = 0;
	result = c->run(count, words);
	if (expected && (result >= 0 || strcmp(strerrorname_np(errno), expected))) {
		fprintf(stderr, "provoke: %s: want %s, got %ld: %s\n", c->name, expected, result, strerror(errno));
		exit(98);
	}
	if (result < 0 && !try && !expected)
		fail(c->name);
}

static void run_commands(int count, char **words)
{
	for (int begin = 0; begin < count;) {
		int end = begin;

		while (end < count && strcmp(words[end], "then"))
			end++;
		words[end] = NULL;
		if (end > begin)
			run_command(end - begin, words + begin);
		begin = end + 1;
	}
}

static int status_of(int status) { return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status); }

int run_program(const char *path, char **words)
{
	int status;
	pid_t child = vfork();

	if (child < 0)
		fail("vfork");
	if (!child) {
		execv(path, words);
		_exit(errno == EPERM ? 126 : 127);
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			fail("wait");
	return status_of(status);
}

/* The words of a line, which is changed. */
static int run_line(const char *self, char *line)
{
	static char *words[1 << 16];
	int count = 0;

	words[count++] = (char *)self;
	for (char *word = strtok(line, "\t\n"); word; word = strtok(NULL, "\t\n"))
		words[count++] = strcmp(word, "''") ? word : "";
	words[count] = NULL;
	return count > 1 ? run_program(self, words) : 0;
}

static int run_all(const char *self, const char *file)
{
	FILE *steps = fopen(file, "re");
	size_t room = 0;
	char *line = NULL, label[256];

	if (!steps)
		fail(file);
	while (getline(&line, &room, steps) > 0) {
		snprintf(label, sizeof(label), "%.*s", (int)strcspn(line, "\t\n"), line);
		printf("%s %d\n", label, run_line(self, line));
		fflush(stdout);
	}
	return 0;
}

int main(int count, char **words)
{
	if (count == 2 && !strcmp(words[1], "help")) {
		help();
		return 0;
	}
	if (count < 3) {
		fprintf(stderr, "provoke LABEL COMMAND [ARG...] | all FILE | help\n");
		return 2;
	}
	if (!strcmp(words[1], "all"))
		return run_all("/proc/self/exe", words[2]);
	run_commands(count - 2, words + 2);
	return 0;
}
