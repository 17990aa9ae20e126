/* SPDX-License-Identifier: Apache-2.0 */
/* System calls of the ABI for 32 bits, which a program of 64 bits can make by int 0x80. What they are given lies in the lower 4 GiB. */
#include "provoke.h"
#ifdef __x86_64__
#include <arpa/inet.h>
#include <linux/net.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>

/* Their numbers, arch/x86/entry/syscalls/syscall_32.tbl. */
enum { WRITE = 4, UNLINK = 10, EXECVE = 11, RENAME = 38, OLD_MMAP = 90, SOCKETCALL = 102, MMAP2 = 192, RENAMEAT = 302, CONNECT = 362, SENDMSG = 370 };

/* What the kernel does not look at. */
#define UPPER_HALF 0x5555555500000000

static long call_with_4(long number, long a, long b, long c, long d)
{
	long result;

	a |= UPPER_HALF, b |= UPPER_HALF, c |= UPPER_HALF, d |= UPPER_HALF;
	asm volatile("int $0x80"
		     : "=a"(result)
		     : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d)
		     : "memory", "r8", "r9", "r10", "r11");
	if (result < 0) {
		errno = -result;
		return -1;
	}
	return result;
}

static long call_32(long number, long a, long b, long c) { return call_with_4(number, a, b, c, 0); }

static void *low_memory(size_t size)
{
	void *low = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	if (low == MAP_FAILED)
		fail("mmap");
	return low;
}

static char *low_text(const char *text) { return strcpy(low_memory(strlen(text) + 1), text); }

static long run_write_32(int n, char **w) { return call_32(WRITE, current, (long)low_text(w[1]), strlen(w[1])); }
static long run_unlink_32(int n, char **w) { return call_32(UNLINK, (long)low_text(w[1]), 0, 0); }

static long run_rename_32(int n, char **w) { return call_32(RENAME, (long)low_text(w[1]), (long)low_text(w[2]), 0); }

static long run_renameat_32(int n, char **w)
{
	return call_with_4(RENAMEAT, (uint32_t)current, (long)low_text(w[1]), (uint32_t)AT_FDCWD, (long)low_text(w[2]));
}

static long run_exec_32(int n, char **w)
{
	uint32_t *arguments = low_memory((n + 1) * sizeof(*arguments));

	for (int i = 1; i < n; i++)
		arguments[i - 1] = (long)low_text(strcmp(w[i], "and") ? w[i] : "then");
	return call_32(EXECVE, arguments[0], (long)arguments, (long)low_memory(sizeof(*arguments)));
}

static long run_old_mmap_exec(int n, char **w)
{
	uint32_t *arguments = low_memory(6 * sizeof(*arguments));

	arguments[1] = 4096;
	arguments[2] = PROT_READ | PROT_EXEC;
	arguments[3] = MAP_PRIVATE;
	arguments[4] = current;
	return call_32(OLD_MMAP, (long)arguments, 0, 0);
}

/* The same by mmap2, of which the last arguments are in other registers. */
static long run_mmap2_exec(int n, char **w)
{
	long result;

	asm volatile("push %%rbp; xor %%ebp, %%ebp; int $0x80; pop %%rbp"
		     : "=a"(result)
		     : "a"(MMAP2), "b"(UPPER_HALF), "c"(UPPER_HALF | 4096), "d"(UPPER_HALF | PROT_READ | PROT_EXEC),
		       "S"(UPPER_HALF | MAP_PRIVATE), "D"(UPPER_HALF | current)
		     : "memory", "r8", "r9", "r10", "r11");
	return result < 0 ? (errno = -result, -1) : result;
}

static struct sockaddr_in *low_address(char **w)
{
	struct sockaddr_in *to = low_memory(sizeof(*to));

	to->sin_family = AF_INET;
	to->sin_port = htons(number(w[2]));
	if (inet_pton(AF_INET, w[1], &to->sin_addr) != 1)
		fail(w[1]);
	return to;
}

static int new_socket(int type)
{
	current = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	if (current < 0)
		fail("socket");
	return current;
}

static long run_connect_32(int n, char **w)
{
	return call_32(CONNECT, new_socket(SOCK_STREAM), (long)low_address(w), sizeof(struct sockaddr_in));
}

static long run_socketcall_connect(int n, char **w)
{
	uint32_t *arguments = low_memory(6 * sizeof(*arguments));

	arguments[0] = new_socket(SOCK_STREAM);
	arguments[1] = (long)low_address(w);
	arguments[2] = sizeof(struct sockaddr_in);
	return call_32(SOCKETCALL, SYS_CONNECT, (long)arguments, 0);
}

static long run_socketcall_send_to(int n, char **w)
{
	uint32_t *arguments = low_memory(6 * sizeof(*arguments));

	arguments[0] = new_socket(SOCK_DGRAM);
	arguments[1] = (long)low_text(w[3]);
	arguments[2] = strlen(w[3]);
	arguments[4] = (long)low_address(w);
	arguments[5] = sizeof(struct sockaddr_in);
	return call_32(SOCKETCALL, SYS_SENDTO, (long)arguments, 0);
}

/* A message by UDP: struct compat_msghdr of include/net/compat.h, and behind it the one struct compat_iovec. */
static long low_message(char **w)
{
	uint32_t *message = low_memory(16 * sizeof(*message)), *vector = message + 8;

	vector[0] = (long)low_text(w[3]);
	vector[1] = strlen(w[3]);
	message[0] = (long)low_address(w);
	message[1] = sizeof(struct sockaddr_in);
	message[2] = (long)vector;
	message[3] = 1;
	return (long)message;
}

static long run_sendmsg_32(int n, char **w) { return call_32(SENDMSG, new_socket(SOCK_DGRAM), low_message(w), MSG_NOSIGNAL); }

static long run_socketcall_sendmsg(int n, char **w)
{
	uint32_t *arguments = low_memory(6 * sizeof(*arguments));

	arguments[0] = new_socket(SOCK_DGRAM);
	arguments[1] = low_message(w);
	arguments[2] = MSG_NOSIGNAL;
	return call_32(SOCKETCALL, SYS_SENDMSG, (long)arguments, 0);
}

const struct command abi32_commands[] = {
	{"write-32", 1, run_write_32, "TEXT"},
	{"unlink-32", 1, run_unlink_32, "PATH"},
	{"rename-32", 2, run_rename_32, "OLD NEW"},
	{"renameat-32", 2, run_renameat_32, "OLD NEW: the old name is in the current file, a directory"},
	{"exec-32", 1, run_exec_32, "PATH [ARG...]"},
	{"old-mmap-exec", 0, run_old_mmap_exec, ": the current file, so that it can be executed"},
	{"mmap2-exec", 0, run_mmap2_exec, ": the same"},
	{"connect-32", 2, run_connect_32, "ADDRESS PORT"},
	{"socketcall-connect", 2, run_socketcall_connect, "ADDRESS PORT"},
	{"socketcall-send-to", 3, run_socketcall_send_to, "ADDRESS PORT TEXT: by UDP"},
	{"sendmsg-32", 3, run_sendmsg_32, "ADDRESS PORT TEXT: by UDP"},
	{"socketcall-sendmsg", 3, run_socketcall_sendmsg, "ADDRESS PORT TEXT: by UDP"},
	{},
};
#else
const struct command abi32_commands[] = {{}};
#endif
