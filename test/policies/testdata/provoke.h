/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands of provoke share. */
#pragma once
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

/* A command: its words, the first of them its name; words[count] is NULL. Its result is that of its system call. */
struct command {
	const char *name;
	int least; /* arguments */
	long (*run)(int count, char **words);
	const char *help;
};

extern const struct command file_commands[], socket_commands[], process_commands[], kernel_commands[], uring_commands[],
	program_commands[], change_commands[], exec_commands[], abi32_commands[], arrival_commands[], race_commands[];

/* The descriptor that commands work on: the one that was opened last. */
extern int current;

/* Ends the program with a status that says that the provocation, and not what it provokes, went wrong. */
void fail(const char *what);
/* A number as C writes it, of 64 bits, with or without sign. */
unsigned long number(const char *text);
/* Runs a program in a child and waits for it: its status as a shell gives it. */
int run_program(const char *path, char **words);
/* The words of a provoke that this one executes: its commands are divided by `and`, and those of what that executes by `and-and`. */
char **inner(char **words);

/* Operations of io_uring, which return as system calls do. */
struct sockaddr;
struct msghdr;
long uring_connect(int fd, const struct sockaddr *to, unsigned length);
long uring_sendmsg(int fd, const struct msghdr *message);
