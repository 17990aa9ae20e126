/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets on the loopback device. */
#include "provoke.h"
#include <arpa/inet.h>
#include <linux/ipv6.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

/* The socket that listens, or receives. */
static int listener = -1;

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un un;
};

static socklen_t address(union address *to, const char *text, const char *port)
{
	memset(to, 0, sizeof(*to));
	if (inet_pton(AF_INET, text, &to->v4.sin_addr) == 1) {
		to->v4.sin_family = AF_INET;
		to->v4.sin_port = htons(number(port));
		return sizeof(to->v4);
	}
	if (inet_pton(AF_INET6, text, &to->v6.sin6_addr) == 1) {
		to->v6.sin6_family = AF_INET6;
		to->v6.sin6_port = htons(number(port));
		return sizeof(to->v6);
	}
	errno = EINVAL;
	fail(text);
	return 0;
}

static int new_socket(union address *a, int type, const char *text, const char *port, socklen_t *length)
{
	int one = 1, fd;

	*length = address(a, text, port);
	fd = socket(a->any.sa_family, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		fail("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	return fd;
}

static long bind_listener(int type, char **w)
{
	union address a;
	socklen_t length;

	listener = new_socket(&a, type, w[1], w[2], &length);
	return bind(listener, &a.any, length);
}

static long run_listen(int n, char **w) { return bind_listener(SOCK_STREAM, w) ? -1 : listen(listener, n > 3 ? number(w[3]) : 5); }
static long run_receive(int n, char **w) { return bind_listener(SOCK_DGRAM, w); }

static long connect_by(int type, int n, char **w)
{
	union address to, from;
	socklen_t length, ignored;

	current = new_socket(&to, type, w[1], w[2], &length);
	if (n > 4) {
		ignored = address(&from, w[3], w[4]);
		if (bind(current, &from.any, ignored))
			fail("bind");
	}
	return connect(current, &to.any, length);
}

static long run_connect(int n, char **w) { return connect_by(SOCK_STREAM, n, w); }
static long run_connect_udp(int n, char **w) { return connect_by(SOCK_DGRAM, n, w); }

static long run_accept(int n, char **w) { return accept4(listener, NULL, NULL, SOCK_CLOEXEC); }
static long run_send(int n, char **w) { return send(current, w[1], strlen(w[1]), 0); }
static long run_close_listener(int n, char **w) { return close(listener); }

static long run_sendmsg(int n, char **w)
{
	struct iovec v = {w[1], strlen(w[1])};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};

	return sendmsg(current, &m, 0);
}

static long run_send_to(int n, char **w)
{
	union address to;
	socklen_t length;
	int fd = new_socket(&to, SOCK_DGRAM, w[1], w[2], &length);

	return sendto(fd, w[3], strlen(w[3]), 0, &to.any, length);
}

/* A message that goes to an address: by the socket that is made for it. */
struct addressed {
	struct msghdr header;
	struct iovec text;
	union address to;
};

static struct msghdr *address_message(struct addressed *m, int type, char **w)
{
	socklen_t length;

	current = new_socket(&m->to, type, w[1], w[2], &length);
	m->text = (struct iovec){w[3], strlen(w[3])};
	m->header = (struct msghdr){.msg_name = &m->to, .msg_namelen = length, .msg_iov = &m->text, .msg_iovlen = 1};
	return &m->header;
}

static long run_sendmsg_to(int n, char **w)
{
	struct addressed m;

	address_message(&m, SOCK_DGRAM, w);
	return sendmsg(current, &m.header, 0);
}

#define MOST_MESSAGES 8

/* The last of COUNT messages goes to the address, those before it to another. */
static long run_sendmmsg_to(int n, char **w)
{
	char *other[] = {NULL, "127.0.0.3", w[2], w[3]};
	struct addressed messages[MOST_MESSAGES];
	struct mmsghdr all[MOST_MESSAGES] = {};
	unsigned count = number(w[4]);

	for (unsigned i = 0; i < count && i < MOST_MESSAGES; i++)
		all[i].msg_hdr = *address_message(&messages[i], SOCK_DGRAM, i + 1 < count ? other : w);
	return sendmmsg(current, all, count, 0);
}

/* Sends the first data of a connection with its address: TCP Fast Open. */
static long run_fast_open(int n, char **w)
{
	struct addressed m;

	address_message(&m, SOCK_STREAM, w);
	return sendto(current, w[3], strlen(w[3]), MSG_FASTOPEN, &m.to.any, m.header.msg_namelen);
}

static long run_fast_open_msg(int n, char **w)
{
	struct addressed m;

	address_message(&m, SOCK_STREAM, w);
	return sendmsg(current, &m.header, MSG_FASTOPEN);
}

/* A packet of a protocol for experiments (RFC 3692). */
static long run_send_raw(int n, char **w)
{
	union address to;
	socklen_t length = address(&to, w[1], "0");
	int fd = socket(AF_INET, SOCK_RAW, 253);

	return sendto(fd, w[2], strlen(w[2]), 0, &to.any, length);
}

static long run_uring_connect(int n, char **w)
{
	struct addressed m;

	address_message(&m, SOCK_STREAM, (char *[]){NULL, w[1], w[2], ""});
	return uring_connect(current, &m.to.any, m.header.msg_namelen);
}

static long run_uring_sendmsg_to(int n, char **w)
{
	struct addressed m;

	address_message(&m, SOCK_DGRAM, w);
	return uring_sendmsg(current, &m.header);
}

static socklen_t unix_address(union address *to, const char *name)
{
	size_t length = strlen(name);

	memset(to, 0, sizeof(*to));
	to->un.sun_family = AF_UNIX;
	if (length > sizeof(to->un.sun_path)) {
		errno = ENAMETOOLONG;
		fail(name);
	}
	memcpy(to->un.sun_path, name, length);
	if (name[0] == '@')
		to->un.sun_path[0] = 0;
	return offsetof(struct sockaddr_un, sun_path) + length;
}

static long run_unix_listen(int n, char **w)
{
	union address a;
	socklen_t length = unix_address(&a, w[1]);

	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	return bind(listener, &a.any, length) ? -1 : listen(listener, 5);
}

static long run_unix_connect(int n, char **w)
{
	union address a;
	socklen_t length = unix_address(&a, w[1]);

	current = socket(AF_UNIX, SOCK_STREAM, 0);
	return connect(current, &a.any, length);
}

/* Addresses of IPv6 can be used a moment after they were added. */
static void wait_for_addresses(void)
{
	const unsigned tentative = 0x40; /* IFA_F_TENTATIVE, include/uapi/linux/if_addr.h */

	for (int tries = 0; tries < 5000; tries++) {
		FILE *all = fopen("/proc/thread-self/net/if_inet6", "re");
		unsigned flags, waiting = 0;

		if (!all)
			return;
		while (fscanf(all, "%*s %*x %*x %*x %x %*s", &flags) == 1)
			waiting |= flags & tentative;
		fclose(all);
		if (!waiting)
			return;
		usleep(1000);
	}
	errno = ETIMEDOUT;
	fail("wait for the addresses");
}

/* A network of its own, so that every port and address is free: lo is up, with the addresses that are named. */
static long run_network(int n, char **w)
{
	struct ifreq up = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd;

	if (unshare(CLONE_NEWNET))
		fail("unshare");
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (ioctl(fd, SIOCSIFFLAGS, &up))
		fail("lo");
	close(fd);
	for (int i = 1; i < n; i++) {
		struct in6_ifreq address = {.ifr6_ifindex = 1, .ifr6_prefixlen = 128};

		fd = socket(AF_INET6, SOCK_DGRAM, 0);
		if (inet_pton(AF_INET6, w[i], &address.ifr6_addr) != 1 || ioctl(fd, SIOCSIFADDR, &address))
			fail(w[i]);
		close(fd);
	}
	wait_for_addresses();
	return 0;
}

const struct command socket_commands[] = {
	{"network", 0, run_network, "[IPV6...]: a network namespace of its own, with lo"},
	{"listen", 2, run_listen, "ADDRESS PORT [BACKLOG]"},
	{"connect", 2, run_connect, "ADDRESS PORT [FROM-ADDRESS FROM-PORT]"},
	{"accept", 0, run_accept, ""},
	{"close-listener", 0, run_close_listener, ""},
	{"send", 1, run_send, "TEXT"},
	{"sendmsg", 1, run_sendmsg, "TEXT"},
	{"receive", 2, run_receive, "ADDRESS PORT: of UDP"},
	{"connect-udp", 2, run_connect_udp, "ADDRESS PORT [FROM-ADDRESS FROM-PORT]"},
	{"send-to", 3, run_send_to, "ADDRESS PORT TEXT: by UDP"},
	{"fast-open", 3, run_fast_open, "ADDRESS PORT TEXT: the first data of a connection, with its address"},
	{"fast-open-msg", 3, run_fast_open_msg, "ADDRESS PORT TEXT: the same by sendmsg"},
	{"sendmsg-to", 3, run_sendmsg_to, "ADDRESS PORT TEXT: by UDP"},
	{"sendmmsg-to", 4, run_sendmmsg_to, "ADDRESS PORT TEXT COUNT: by UDP, the last of so many messages"},
	{"send-raw", 2, run_send_raw, "ADDRESS TEXT: by a raw socket"},
	{"uring-connect", 2, run_uring_connect, "ADDRESS PORT: by io_uring"},
	{"uring-sendmsg-to", 3, run_uring_sendmsg_to, "ADDRESS PORT TEXT: by UDP and io_uring"},
	{"unix-listen", 1, run_unix_listen, "NAME: a path, or @ and a name"},
	{"unix-connect", 1, run_unix_connect, "NAME"},
	{},
};
