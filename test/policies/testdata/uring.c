/* SPDX-License-Identifier: Apache-2.0 */
/* Files without system calls of their own: io_uring. */
#include "provoke.h"
#include <linux/io_uring.h>
#include <sys/mman.h>

struct ring {
	int fd;
	struct io_uring_params params;
	char *submit, *complete;
	struct io_uring_sqe *entries;
};

static void setup(struct ring *r)
{
	memset(r, 0, sizeof(*r));
	r->fd = syscall(SYS_io_uring_setup, 4, &r->params);
	if (r->fd < 0)
		fail("io_uring_setup");
	r->submit = mmap(NULL, r->params.sq_off.array + 4 * r->params.sq_entries, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
			 r->fd, IORING_OFF_SQ_RING);
	r->complete = mmap(NULL, r->params.cq_off.cqes + r->params.cq_entries * sizeof(struct io_uring_cqe), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_POPULATE, r->fd, IORING_OFF_CQ_RING);
	r->entries = mmap(NULL, r->params.sq_entries * sizeof(struct io_uring_sqe), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
			  r->fd, IORING_OFF_SQES);
	if (r->submit == MAP_FAILED || r->complete == MAP_FAILED || r->entries == MAP_FAILED)
		fail("map the ring");
}

/* Hands over one entry and waits for its result. */
static int submit(struct ring *r, const struct io_uring_sqe *entry)
{
	unsigned *tail = (unsigned *)(r->submit + r->params.sq_off.tail), *array = (unsigned *)(r->submit + r->params.sq_off.array);
	unsigned *head = (unsigned *)(r->complete + r->params.cq_off.head);
	unsigned mask = *(unsigned *)(r->submit + r->params.sq_off.ring_mask);
	struct io_uring_cqe *done = (struct io_uring_cqe *)(r->complete + r->params.cq_off.cqes);
	int result;

	r->entries[*tail & mask] = *entry;
	array[*tail & mask] = *tail & mask;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, r->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		fail("io_uring_enter");
	result = done[*head & *(unsigned *)(r->complete + r->params.cq_off.ring_mask)].res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return result;
}

static long finish(int result)
{
	if (result >= 0)
		return result;
	errno = -result;
	return -1;
}

static long alone(const struct io_uring_sqe *entry)
{
	struct ring r;

	setup(&r);
	return finish(submit(&r, entry));
}

static long transfer(int operation, void *buffer, unsigned length)
{
	return alone(&(struct io_uring_sqe){.opcode = operation, .fd = current, .addr = (unsigned long)buffer, .len = length});
}

static long run_uring_read(int n, char **w)
{
	static char buffer[4096];

	return transfer(IORING_OP_READ, buffer, number(w[1]));
}

static long run_uring_write(int n, char **w) { return transfer(IORING_OP_WRITE, w[1], strlen(w[1])); }

static long run_uring_open(int n, char **w)
{
	struct io_uring_sqe entry = {.opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .addr = (unsigned long)w[1], .open_flags = O_RDWR};
	struct ring r;
	int fd;

	setup(&r);
	fd = submit(&r, &entry);
	if (fd >= 0)
		current = fd;
	return finish(fd);
}

long uring_connect(int fd, const struct sockaddr *to, unsigned length)
{
	return alone(&(struct io_uring_sqe){.opcode = IORING_OP_CONNECT, .fd = fd, .addr = (unsigned long)to, .off = length});
}

long uring_sendmsg(int fd, const struct msghdr *message)
{
	return alone(&(struct io_uring_sqe){.opcode = IORING_OP_SENDMSG, .fd = fd, .addr = (unsigned long)message, .len = 1});
}

const struct command uring_commands[] = {
	{"uring-open", 1, run_uring_open, "PATH"},
	{"uring-read", 1, run_uring_read, "BYTES"},
	{"uring-write", 1, run_uring_write, "TEXT"},
	{},
};
