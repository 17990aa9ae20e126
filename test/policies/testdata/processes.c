/* SPDX-License-Identifier: Apache-2.0 */
/* Processes and what they may do. */
#include "provoke.h"
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

char **inner(char **words)
{
	for (char **w = words; *w; w++)
		if (!strcmp(*w, "and"))
			*w = "then";
		else if (!strcmp(*w, "and-and"))
			*w = "and";
	return words;
}

static long run_exec(int n, char **w) { return execv(w[1], inner(w + 1)); }

static long run_spawn(int n, char **w)
{
	int status = run_program(w[1], inner(w + 1));

	if (status == 126) {
		errno = EPERM;
		return -1;
	}
	if (status > 128) {
		errno = EINTR;
		return -1;
	}
	return status ? (errno = ENOEXEC, -1) : 0;
}

/* What follows is done by a child, and the parent ends as it did. */
static long run_fork(int n, char **w)
{
	int status;
	pid_t child = fork();

	if (child <= 0)
		return child;
	if (waitpid(child, &status, 0) != child)
		fail("wait");
	exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

/* A child that only waits until its parent ends: the first process of a new PID namespace, which others can then enter. */
static long run_init(int n, char **w)
{
	int ready[2];
	char end;
	pid_t child;

	if (pipe2(ready, O_CLOEXEC))
		fail("pipe");
	child = fork();
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ready[0]);
		close(ready[1]);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (read(ready[0], &end, 1)) /* ends when the child is ready */
		fail("wait for the child");
	close(ready[0]);
	return child;
}

static struct {
	const char *name;
	int number;
} calls[] = {
	{"lseek", SYS_lseek}, {"prctl", SYS_prctl}, {"ioctl", SYS_ioctl}, {"fcntl", SYS_fcntl}, {"fallocate", SYS_fallocate},
	{"fadvise", SYS_fadvise64}, {"pread", SYS_pread64}, {"write", SYS_write}, {"writev", SYS_writev}, {"openat", SYS_openat},
	{"getpriority", SYS_getpriority}, {"setpriority", SYS_setpriority}, {"dup3", SYS_dup3}, {"mkdir", SYS_mkdir}, {"rmdir", SYS_rmdir}, {"kill", SYS_kill},
	{"access", SYS_access}, {"chdir", SYS_chdir}, {"readlink", SYS_readlink}, {"umask", SYS_umask}, {"getpgid", SYS_getpgid}, {"chmod", SYS_chmod},
	{"getsid", SYS_getsid}, {"setxattr", SYS_setxattr}, {"mlock", SYS_mlock}, {"munlock", SYS_munlock}, {"sethostname", SYS_sethostname},
	{"connect", SYS_connect}, {"shutdown", SYS_shutdown}, {"bind", SYS_bind}, {"listen", SYS_listen}, {"unlink", SYS_unlink}, {"read", SYS_read},
};

/* An argument of a system call: a number, or an address of the text after a quotation mark. */
static unsigned long call_argument(const char *word) { return word[0] == '"' ? (unsigned long)(word + 1) : number(word); }

static int call_number(const char *name)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		if (!strcmp(calls[i].name, name))
			return calls[i].number;
	return number(name);
}

/* Any system call, of which the result does not count. */
static long run_call(int n, char **w)
{
	unsigned long a[6] = {};

	for (int i = 2; i < n && i < 8; i++)
		a[i - 2] = call_argument(w[i]);
	syscall(call_number(w[1]), a[0], a[1], a[2], a[3], a[4], a[5]);
	return 0;
}

/* A system call fails from now on with EPERM, by seccomp. */
static long run_refuse(int n, char **w)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call_number(w[1]), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(*code), code};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ?: prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/* Like call, for each value in the place of one argument. */
static long run_each(int n, char **w)
{
	int which = number(w[2]);

	for (int i = 3; i < n; i++) {
		unsigned long a[6] = {-1, -1, -1, -1, -1, -1};

		a[which] = call_argument(w[i]);
		syscall(call_number(w[1]), a[0], a[1], a[2], a[3], a[4], a[5]);
	}
	return 0;
}

/* Like call, with a text of COUNT times TEXT. */
static long run_long(int n, char **w)
{
	unsigned long a[6] = {-1, -1, -1, -1, -1, -1}, count = number(w[3]);
	size_t length = strlen(w[4]);
	char *text = calloc(count * length + 1 + (n > 5 ? strlen(w[5]) : 0), 1);

	for (unsigned long i = 0; i < count; i++)
		memcpy(text + i * length, w[4], length);
	if (n > 5)
		strcpy(text + count * length, w[5]);
	a[number(w[2])] = (unsigned long)text;
	syscall(call_number(w[1]), a[0], a[1], a[2], a[3], a[4], a[5]);
	return 0;
}

/* The C library sets IDs of all threads, by signals where there are several; these are the bare calls. */
static long run_setuid(int n, char **w) { return syscall(SYS_setuid, number(w[1])); }
static long run_setgid(int n, char **w) { return syscall(SYS_setgid, number(w[1])); }
static long run_setreuid(int n, char **w) { return syscall(SYS_setreuid, number(w[1]), number(w[2])); }
static long run_setregid(int n, char **w) { return syscall(SYS_setregid, number(w[1]), number(w[2])); }
static long run_setresuid(int n, char **w) { return syscall(SYS_setresuid, number(w[1]), number(w[2]), number(w[3])); }
static long run_setresgid(int n, char **w) { return syscall(SYS_setresgid, number(w[1]), number(w[2]), number(w[3])); }
static long run_setfsuid(int n, char **w) { return syscall(SYS_setfsuid, number(w[1])); }
static long run_setfsgid(int n, char **w) { return syscall(SYS_setfsgid, number(w[1])); }

static long run_capset(int n, char **w)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {};
	unsigned long effective = number(w[1]), permitted = number(w[2]), inheritable = number(w[3]);

	for (int i = 0; i < 2; i++) {
		data[i].effective = effective >> (32 * i);
		data[i].permitted = permitted >> (32 * i);
		data[i].inheritable = inheritable >> (32 * i);
	}
	return syscall(SYS_capset, &header, data);
}

static long run_unshare(int n, char **w) { return unshare(number(w[1])); }

static long run_setns(int n, char **w)
{
	int fd = open(w[1], O_RDONLY);

	if (fd < 0)
		fail(w[1]);
	return setns(fd, n > 2 ? number(w[2]) : 0);
}

static long run_kill(int n, char **w) { return kill(number(w[1]) ? number(w[1]) : getpid(), number(w[2])); }
static long run_prctl(int n, char **w) { return prctl(number(w[1]), number(w[2]), n > 3 ? number(w[3]) : 0, 0, 0); }
static long run_name(int n, char **w) { return prctl(PR_SET_NAME, w[1]); }

static long run_ptrace(int n, char **w)
{
	int status;
	pid_t child = fork();

	if (!child)
		for (;;)
			pause();
	if (ptrace(PTRACE_ATTACH, child, 0, 0))
		fail("ptrace");
	waitpid(child, &status, 0);
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	return 0;
}

static char *thread_path;

static void *touch(void *unused)
{
	int fd = open(thread_path, O_RDWR | O_CREAT, 0644);

	return (void *)(long)(fd < 0 || write(fd, "thread", 6) != 6);
}

static long run_thread_write(int n, char **w)
{
	pthread_t thread;
	void *failed;

	thread_path = w[1];
	if (pthread_create(&thread, NULL, touch, NULL) || pthread_join(thread, &failed))
		fail("thread");
	return failed ? -1 : 0;
}

static long run_exit(int n, char **w) { exit(number(w[1])); }
static long run_sleep(int n, char **w) { return usleep(1000 * number(w[1])); }

/* Waits a second: an action of a policy is to come first. */
static long run_linger(int n, char **w) { return sleep(1); }

static long run_nothing(int n, char **w) { return 0; }

const struct command process_commands[] = {
	{"exec", 1, run_exec, "PATH [ARG...]: commands of another provoke are divided by and, of one in it by and-and"},
	{"spawn", 1, run_spawn, "PATH [ARG...]: in a child"},
	{"fork", 0, run_fork, ": what follows is done by a child"},
	{"init", 0, run_init, ": a child that only waits"},
	{"call", 1, run_call, "NAME [ARG...]: a system call, of which the result does not count"},
	{"refuse", 1, run_refuse, "NAME: the system call fails from now on, by seccomp"},
	{"each", 3, run_each, "NAME INDEX VALUE...: a system call for each value of one argument, the others are -1"},
	{"long", 4, run_long, "NAME INDEX COUNT TEXT [END]: a system call with a text of COUNT times TEXT and then END"},
	{"setuid", 1, run_setuid, "UID"},
	{"setgid", 1, run_setgid, "GID"},
	{"setreuid", 2, run_setreuid, "REAL EFFECTIVE"},
	{"setregid", 2, run_setregid, "REAL EFFECTIVE"},
	{"setresuid", 3, run_setresuid, "REAL EFFECTIVE SAVED"},
	{"setresgid", 3, run_setresgid, "REAL EFFECTIVE SAVED"},
	{"setfsuid", 1, run_setfsuid, "UID"},
	{"setfsgid", 1, run_setfsgid, "GID"},
	{"capset", 3, run_capset, "EFFECTIVE PERMITTED INHERITABLE: masks"},
	{"unshare", 1, run_unshare, "FLAGS"},
	{"setns", 1, run_setns, "PATH [TYPE]"},
	{"kill", 2, run_kill, "PID SIGNAL: PID 0 is itself"},
	{"prctl", 2, run_prctl, "OPTION ARG [ARG]"},
	{"name", 1, run_name, "NAME: of the thread"},
	{"ptrace", 0, run_ptrace, ": attaches to a child"},
	{"thread-write", 1, run_thread_write, "PATH: from a second thread"},
	{"exit", 1, run_exit, "STATUS"},
	{"sleep", 1, run_sleep, "MILLISECONDS"},
	{"linger", 0, run_linger, ""},
	{"nothing", 0, run_nothing, ""},
	{},
};
