/* SPDX-License-Identifier: Apache-2.0 */
/* Ways to change a file beside those that have a command in files.c. */
#include "provoke.h"
#include <linux/aio_abi.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/xattr.h>

#define LENGTH 4096

/* Opens a file for both, unless it is open already, and maps it. */
static char *map_shared(int protection)
{
	char *memory = mmap(NULL, LENGTH, protection, MAP_SHARED, current, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static long run_map_store(int n, char **w)
{
	char *memory = map_shared(PROT_READ | PROT_WRITE);

	if (!memory)
		return -1;
	memory[0] = 'X';
	return 0;
}

static long run_protect_store(int n, char **w)
{
	char *memory = map_shared(PROT_READ);

	if (!memory || mprotect(memory, LENGTH, PROT_READ | PROT_WRITE))
		return -1;
	memory[0] = 'X';
	return 0;
}

static long run_chown(int n, char **w) { return chown(w[1], number(w[2]), number(w[3])); }
static long run_fchown(int n, char **w) { return fchown(current, number(w[1]), number(w[2])); }
static long run_fchmod(int n, char **w) { return fchmod(current, number(w[1])); }

static long run_utimes(int n, char **w)
{
	const struct timeval times[2] = {{1, 0}, {1, 0}};

	return utimes(w[1], times);
}

static long run_setxattr(int n, char **w) { return setxattr(w[1], w[2], w[3], strlen(w[3]), 0); }
static long run_fsetxattr(int n, char **w) { return fsetxattr(current, w[1], w[2], strlen(w[2]), 0); }
static long run_removexattr(int n, char **w) { return removexattr(w[1], w[2]); }

static long run_set_flags(int n, char **w)
{
	int flags = number(w[1]);

	return ioctl(current, FS_IOC_SETFLAGS, &flags);
}

static long run_clone(int n, char **w)
{
	int from = open(w[1], O_RDONLY);

	if (from < 0)
		fail(w[1]);
	return ioctl(current, FICLONE, from);
}

static long run_openat2(int n, char **w)
{
	struct open_how how = {.flags = O_WRONLY | (n > 2 ? O_TRUNC : 0)};

	current = syscall(SYS_openat2, AT_FDCWD, w[1], &how, sizeof(how));
	return current;
}

static long run_aio_write(int n, char **w)
{
	aio_context_t context = 0;
	struct iocb block = {.aio_lio_opcode = IOCB_CMD_PWRITE, .aio_fildes = current, .aio_buf = (unsigned long)w[1], .aio_nbytes = strlen(w[1])};
	struct iocb *blocks[] = {&block};
	struct io_event event = {};

	if (syscall(SYS_io_setup, 1, &context))
		fail("io_setup");
	if (syscall(SYS_io_submit, context, 1, blocks) != 1)
		return -1;
	if (syscall(SYS_io_getevents, context, 1, 1, &event, NULL) != 1)
		fail("io_getevents");
	errno = event.res < 0 ? -event.res : 0;
	return event.res < 0 ? -1 : 0;
}

/* Writes into the memory of this process, where a file is mapped, as another process could. */
static long run_write_into(int n, char **w)
{
	char *memory = map_shared(PROT_READ | PROT_WRITE);
	struct iovec from = {"X", 1}, to = {memory, 1};

	return memory ? process_vm_writev(getpid(), &from, 1, &to, 1, 0) : -1;
}

/* The same by /proc, which needs no right to write to the mapping. */
static long run_proc_mem(int n, char **w)
{
	char *memory = map_shared(PROT_READ);
	int file = open("/proc/self/mem", O_RDWR);

	if (!memory || file < 0)
		return -1;
	return pwrite(file, "X", 1, (off_t)memory);
}

static long run_listxattr(int n, char **w)
{
	char names[4096];

	return listxattr(w[1], names, sizeof(names));
}

const struct command change_commands[] = {
	{"map-store", 0, run_map_store, ": through a shared mapping"},
	{"protect-store", 0, run_protect_store, ": through a shared mapping that is made writable later"},
	{"chown", 3, run_chown, "PATH UID GID"},
	{"fchown", 2, run_fchown, "UID GID"},
	{"fchmod", 1, run_fchmod, "MODE"},
	{"utimes", 1, run_utimes, "PATH"},
	{"listxattr", 1, run_listxattr, "PATH"},
	{"setxattr", 3, run_setxattr, "PATH NAME VALUE"},
	{"fsetxattr", 2, run_fsetxattr, "NAME VALUE"},
	{"removexattr", 2, run_removexattr, "PATH NAME"},
	{"set-flags", 1, run_set_flags, "FLAGS: FS_IOC_SETFLAGS"},
	{"clone", 1, run_clone, "FROM: FICLONE"},
	{"openat2", 1, run_openat2, "PATH [t(runcate)]"},
	{"aio-write", 1, run_aio_write, "TEXT: io_submit"},
	{"write-into", 0, run_write_into, ": process_vm_writev into a shared mapping"},
	{"proc-mem", 0, run_proc_mem, ": /proc/self/mem into a shared mapping"},
	{},
};
