/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Receives a program on standard input and executes it from memory:
 *
 *   starter DIGEST BYTES SIZE PROGRAM ARGUMENT...
 *
 * Exactly BYTES are read: a gzip member (gzip -n) whose SHA-256 is DIGEST, of SIZE bytes of an executable. Not a byte of it is looked
 * at before the digest is right. What follows on standard input is the program's. Nothing is written to standard output; why it failed
 * goes to /dev/termination-log in the words of a tracer's last message (pkg/event, Bye), and the exit code is 1.
 */
#include "inflate.h"
#include "sha256.h"
#include "system.h"

enum {
	MAX_SIZE = 256 << 20,
	SILENCE_SECONDS = 30, /* as launch.Silence */
};

/* Where the pod has a directory in memory, for kernels on which nothing may be executed from a memfd (vm.memfd_noexec=2). */
#define FALLBACK "/trace-sec/memory/tracer"
/* Tells the program that it runs from there. */
#define FALLBACK_ARGUMENT "--from-file"

static void say(int file, const char *text)
{
	call(NR_WRITE, file, (s64)text, length(text), 0, 0, 0);
}

static void say_number(int file, s64 value)
{
	char digits[24];
	char *first = digits + sizeof(digits) - 1;

	*first = 0;
	do {
		*--first = '0' + value % 10;
		value /= 10;
	} while (value);
	say(file, first);
}

/* end says why, with the errnos of what was tried; 0 is none. reason is one of pkg/event's. */
static void __attribute__((noreturn)) end(const char *reason, const char *why, s64 error, s64 second)
{
	int file = call(NR_OPENAT, AT_FDCWD, (s64) "/dev/termination-log", O_WRONLY, 0, 0, 0);

	say(file, "{\"reason\":\"");
	say(file, reason);
	say(file, "\",\"error\":\"starter: ");
	say(file, why);
	if (error) {
		say(file, ": errno ");
		say_number(file, -error);
	}
	if (second) {
		say(file, " and ");
		say_number(file, -second);
	}
	say(file, "\"}");
	for (;;)
		call(NR_EXIT_GROUP, 1, 0, 0, 0, 0, 0);
}

static void __attribute__((noreturn)) fail(const char *why, s64 error)
{
	end("error", why, error, 0);
}

static u64 number(const char *text)
{
	u64 value = 0;

	for (; *text; text++) {
		if (*text < '0' || *text > '9' || value > MAX_SIZE)
			fail("a size is not a number", 0);
		value = 10 * value + *text - '0';
	}
	if (!value || value > MAX_SIZE)
		fail("a size is out of range", 0);
	return value;
}

static u8 *allocate(u64 size)
{
	s64 memory = call(NR_MMAP, 0, size, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0);

	if (memory < 0 && memory > -4096)
		fail("no memory", memory);
	return (u8 *)memory;
}

static void await_input(void)
{
	struct {
		int file;
		short events, found;
	} input = { .file = 0, .events = POLLIN };
	struct {
		s64 seconds, nanoseconds;
	} timeout = { .seconds = SILENCE_SECONDS };
	s64 ready = call(NR_PPOLL, (s64)&input, 1, (s64)&timeout, 0, 0, 0);

	if (ready == 0)
		end("abandoned", "nothing was received for 30 s", 0, 0);
	if (ready < 0 && ready != -EINTR)
		fail("poll of standard input", ready);
}

static void receive(u8 *to, u64 size)
{
	while (size) {
		s64 got;

		await_input();
		got = call(NR_READ, 0, (s64)to, size, 0, 0, 0);
		if (got == 0)
			end("abandoned", "the connection ended before the tracer was received", 0, 0);
		if (got == -EINTR || got == -EAGAIN)
			continue;
		if (got < 0)
			fail("read of standard input", got);
		to += got;
		size -= got;
	}
}

static void verify(const u8 *data, u64 size, const char *wanted)
{
	static const char digits[] = "0123456789abcdef";
	u8 digest[SHA256_BYTES];
	int differs = length(wanted) != 2 * SHA256_BYTES;

	sha256(data, size, digest);
	for (int i = 0; i < SHA256_BYTES && !differs; i++)
		differs = wanted[2 * i] != digits[digest[i] >> 4] || wanted[2 * i + 1] != digits[digest[i] & 15];
	if (differs)
		fail("what was received is not the tracer that this pod was made for (its SHA-256 is another)", 0);
}

/* write_all returns 0, or a negative errno. */
static s64 write_all(int file, const u8 *data, u64 size)
{
	while (size) {
		s64 written = call(NR_WRITE, file, (s64)data, size, 0, 0, 0);

		if (written == -EINTR)
			continue;
		if (written <= 0)
			return written ? written : -EAGAIN;
		data += written;
		size -= written;
	}
	return 0;
}

/* from_memory returns only if it failed, with a negative errno. */
static s64 from_memory(const u8 *data, u64 size, char **arguments, char **environment)
{
	s64 file = call(NR_MEMFD_CREATE, (s64) "trace-sec-tracer", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC, 0, 0, 0, 0), error;

	if (file == -EINVAL)
		file = call(NR_MEMFD_CREATE, (s64) "trace-sec-tracer", MFD_CLOEXEC | MFD_ALLOW_SEALING, 0, 0, 0, 0);
	if (file < 0)
		return file;
	error = write_all(file, data, size);
	if (!error)
		error = call(NR_FCNTL, file, F_ADD_SEALS, F_SEAL_ALL, 0, 0, 0);
	if (!error)
		error = call(NR_EXECVEAT, file, (s64) "", (s64)arguments, (s64)environment, AT_EMPTY_PATH, 0);
	call(NR_CLOSE, file, 0, 0, 0, 0, 0);
	return error;
}

/* from_file returns only if it failed, with a negative errno. */
static s64 from_file(const u8 *data, u64 size, char **arguments, char **environment)
{
	s64 file = call(NR_OPENAT, AT_FDCWD, (s64)FALLBACK, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700, 0, 0), error;

	if (file < 0)
		return file;
	error = write_all(file, data, size);
	call(NR_CLOSE, file, 0, 0, 0, 0, 0);
	if (!error)
		error = call(NR_EXECVE, (s64)FALLBACK, (s64)arguments, (s64)environment, 0, 0, 0);
	call(NR_UNLINKAT, AT_FDCWD, (s64)FALLBACK, 0, 0, 0, 0);
	return error;
}

enum { OWN_ARGUMENTS = 4 };

/* run is main: stack is what the kernel left there, the number of arguments, the arguments, and the environment. */
__attribute__((noreturn, used)) void run(s64 *stack)
{
	s64 count = stack[0], error, second;
	char **arguments = (char **)(stack + 1), **environment = arguments + count + 1;
	u64 compressed_size, size;
	u8 *data, *program;

	if (count <= OWN_ARGUMENTS)
		fail("usage: starter DIGEST BYTES SIZE PROGRAM ARGUMENT...", 0);
	compressed_size = number(arguments[2]);
	size = number(arguments[3]);
	data = allocate(compressed_size);
	receive(data, compressed_size);
	verify(data, compressed_size, arguments[1]);
	program = allocate(size);
	if (inflate(data, compressed_size, program, size))
		fail("the tracer that was received cannot be decompressed to the size that it should have", 0);
	call(NR_MUNMAP, (s64)data, compressed_size, 0, 0, 0, 0);
	error = from_memory(program, size, arguments + OWN_ARGUMENTS, environment);
	/* One place further to the front is room for one argument more. */
	arguments[OWN_ARGUMENTS - 1] = arguments[OWN_ARGUMENTS];
	arguments[OWN_ARGUMENTS] = FALLBACK_ARGUMENT;
	second = from_file(program, size, arguments + OWN_ARGUMENTS - 1, environment);
	end("error", "the tracer can be executed neither from memory nor from " FALLBACK, error, second);
}

#if defined(__x86_64__)
__asm__(".globl _start\n_start:\n\txor %ebp, %ebp\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall run\n");
#elif defined(__aarch64__)
__asm__(".globl _start\n_start:\n\tmov x29, #0\n\tmov x30, #0\n\tmov x0, sp\n\tb run\n");
#endif
