/* SPDX-License-Identifier: Apache-2.0 */
/* Files and file systems. */
#include "provoke.h"
#include <dirent.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>

static int open_flags(const char *letters)
{
	int flags = O_RDONLY;

	for (; *letters; letters++)
		switch (*letters) {
		case 'r': break;
		case 'w': flags = (flags & ~O_ACCMODE) | (flags & O_ACCMODE ? O_RDWR : O_WRONLY); break;
		case 'b': flags = (flags & ~O_ACCMODE) | O_RDWR; break;
		case 'c': flags |= O_CREAT; break;
		case 't': flags |= O_TRUNC; break;
		case 'd': flags |= O_DIRECTORY; break;
		case 'p': flags |= O_PATH; break;
		default: errno = EINVAL; fail("flags of an open");
		}
	return flags;
}

static long keep(int fd)
{
	if (fd >= 0)
		current = fd;
	return fd;
}

static long run_open(int n, char **w) { return keep(open(w[1], open_flags(n > 2 ? w[2] : "r"), 0644)); }
static long run_openold(int n, char **w) { return keep(syscall(SYS_open, w[1], open_flags(n > 2 ? w[2] : "r"), 0644)); }
static long run_openat(int n, char **w) { return keep(openat(current, w[1], open_flags(n > 2 ? w[2] : "r"), 0644)); }
static long run_creat(int n, char **w) { return keep(creat(w[1], 0644)); }
static long run_close(int n, char **w) { return close(current); }
static long run_dup_to(int n, char **w) { return keep(dup2(current, number(w[1]))); }

static char buffer[1 << 16];

static long run_read(int n, char **w) { return read(current, buffer, number(w[1])); }
/* Reads in a child, which a policy may kill: fails if anything of the file came into memory. */
static long run_shared_read(int n, char **w)
{
	char *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t child = fork();

	if (!child) {
		read(current, shared, 4096);
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		fail("child");
	for (int i = 0; i < 4096; i++)
		if (shared[i])
			exit(97);
	exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

static long run_pread(int n, char **w) { return pread(current, buffer, number(w[1]), number(w[2])); }
static long run_write(int n, char **w) { return write(current, w[1], strlen(w[1])); }
static long run_pwrite(int n, char **w) { return pwrite(current, w[1], strlen(w[1]), number(w[2])); }

static int vector(struct iovec *to, int n, char **w)
{
	for (int i = 1; i < n; i++)
		to[i - 1] = (struct iovec){w[i], strlen(w[i])};
	return n - 1;
}

static long run_writev(int n, char **w)
{
	struct iovec v[64];

	return writev(current, v, vector(v, n, w));
}

static long run_pwritev(int n, char **w)
{
	struct iovec v[64];

	return pwritev(current, v, vector(v, n, w), 0);
}

static long run_readv(int n, char **w)
{
	struct iovec v[2] = {{buffer, 3}, {buffer + 3, number(w[1])}};

	return readv(current, v, 2);
}

static long run_preadv(int n, char **w)
{
	struct iovec v[2] = {{buffer, 3}, {buffer + 3, number(w[1])}};

	return preadv(current, v, 2, 0);
}

static int open_source(const char *path)
{
	int fd = open(path, O_RDONLY);

	if (fd < 0)
		fail(path);
	return fd;
}

static long run_sendfile(int n, char **w) { return sendfile(current, open_source(w[1]), NULL, number(w[2])); }

static long run_copy(int n, char **w)
{
	return syscall(SYS_copy_file_range, open_source(w[1]), NULL, current, NULL, number(w[2]), 0);
}

static long run_splice(int n, char **w)
{
	int ends[2], source = open_source(w[1]);
	long count;

	if (pipe(ends))
		fail("pipe");
	count = splice(source, NULL, ends[1], NULL, number(w[2]), 0);
	return count < 0 ? count : splice(ends[0], NULL, current, NULL, count, 0);
}

static long run_mmap(int n, char **w)
{
	int protection = 0;

	for (const char *p = w[1]; *p; p++)
		protection |= *p == 'r' ? PROT_READ : *p == 'w' ? PROT_WRITE : PROT_EXEC;
	return mmap(NULL, 4096, protection, MAP_PRIVATE, current, 0) == MAP_FAILED ? -1 : 0;
}

static long run_truncate(int n, char **w) { return truncate(w[1], number(w[2])); }
static long run_ftruncate(int n, char **w) { return ftruncate(current, number(w[1])); }
static long run_fallocate(int n, char **w) { return fallocate(current, 0, 0, number(w[1])); }

static long run_getdents(int n, char **w) { return syscall(SYS_getdents64, current, buffer, sizeof(buffer)); }

static long run_mkdir(int n, char **w) { return mkdir(w[1], 0755); }
static long run_rmdir(int n, char **w) { return rmdir(w[1]); }
static long run_chdir(int n, char **w) { return chdir(w[1]); }
static long run_chroot(int n, char **w) { return chroot(w[1]); }
static long run_link(int n, char **w) { return link(w[1], w[2]); }
static long run_symlink(int n, char **w) { return symlink(w[1], w[2]); }
static long run_rename(int n, char **w) { return rename(w[1], w[2]); }
static long run_unlink(int n, char **w) { return unlink(w[1]); }
static long run_mkfifo(int n, char **w) { return mkfifo(w[1], 0644); }
static long run_chmod(int n, char **w) { return chmod(w[1], number(w[2])); }
static long run_readlink(int n, char **w) { return readlink(w[1], buffer, sizeof(buffer)); }

static long run_deep(int n, char **w)
{
	char name[32];

	if (chdir(w[1]))
		fail(w[1]);
	for (unsigned long i = 1; i <= number(w[2]); i++) {
		snprintf(name, sizeof(name), "%s%lu", n > 3 ? w[3] : "level", i);
		if (mkdir(name, 0755) && errno != EEXIST)
			fail(name);
		if (chdir(name))
			fail(name);
	}
	return 0;
}

static long run_mount(int n, char **w)
{
	return mount(w[1], w[2], w[3], number(n > 4 ? w[4] : "0"), n > 5 ? w[5] : NULL);
}

static long run_bind(int n, char **w) { return mount(w[1], w[2], NULL, MS_BIND, NULL); }
static long run_umount(int n, char **w) { return umount2(w[1], MNT_DETACH); }

const struct command file_commands[] = {
	{"open", 1, run_open, "PATH [FLAGS]: r w b(oth) c(reate) t(runcate) d(irectory) p(ath)"},
	{"openold", 1, run_openold, "PATH [FLAGS]: by open(2) itself"},
	{"openat", 1, run_openat, "PATH [FLAGS]: from the current directory descriptor"},
	{"creat", 1, run_creat, "PATH"},
	{"close", 0, run_close, ""},
	{"dup-to", 1, run_dup_to, "FD"},
	{"read", 1, run_read, "BYTES"},
	{"shared-read", 0, run_shared_read, ": in a child; 97 if anything was read"},
	{"pread", 2, run_pread, "BYTES OFFSET"},
	{"readv", 1, run_readv, "BYTES"},
	{"preadv", 1, run_preadv, "BYTES"},
	{"write", 1, run_write, "TEXT"},
	{"pwrite", 2, run_pwrite, "TEXT OFFSET"},
	{"writev", 1, run_writev, "TEXT..."},
	{"pwritev", 1, run_pwritev, "TEXT..."},
	{"sendfile", 2, run_sendfile, "FROM BYTES"},
	{"copy", 2, run_copy, "FROM BYTES: copy_file_range"},
	{"splice", 2, run_splice, "FROM BYTES: through a pipe"},
	{"mmap", 1, run_mmap, "PROTECTION: r w x"},
	{"truncate", 2, run_truncate, "PATH SIZE"},
	{"ftruncate", 1, run_ftruncate, "SIZE"},
	{"fallocate", 1, run_fallocate, "SIZE"},
	{"getdents", 0, run_getdents, ""},
	{"mkdir", 1, run_mkdir, "PATH"},
	{"rmdir", 1, run_rmdir, "PATH"},
	{"chdir", 1, run_chdir, "PATH"},
	{"chroot", 1, run_chroot, "PATH"},
	{"link", 2, run_link, "OLD NEW"},
	{"symlink", 2, run_symlink, "TARGET NEW"},
	{"rename", 2, run_rename, "OLD NEW"},
	{"unlink", 1, run_unlink, "PATH"},
	{"mkfifo", 1, run_mkfifo, "PATH"},
	{"chmod", 2, run_chmod, "PATH MODE"},
	{"readlink", 1, run_readlink, "PATH"},
	{"deep", 2, run_deep, "PATH LEVELS [NAME]: makes directories below each other, and ends in the last"},
	{"mount", 3, run_mount, "SOURCE TARGET TYPE [FLAGS [DATA]]"},
	{"bind", 2, run_bind, "OLD NEW: mounts a directory or file in another place"},
	{"umount", 1, run_umount, "TARGET"},
	{},
};
