/* SPDX-License-Identifier: Apache-2.0 */
/* What arrives of what another process sends: the oracle of ways to an address. */
#include "provoke.h"
#include <netinet/in.h>
#include <netinet/ip.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define DENIED 0x7f000001u /* 127.0.0.1 */
#define MARKED 0x7f000002u /* 127.0.0.2: what is sent there comes after all that was sent before */

static struct sockaddr_in at(uint32_t address, uint16_t port)
{
	return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address)};
}

/* A way that is listened on: by one socket for both addresses. */
struct listening {
	const char *name;
	int type, protocol;
	/* To which address the next that arrives was sent. */
	uint32_t (*next)(int listener);
};

static uint32_t next_connection(int listener)
{
	struct sockaddr_in own;
	socklen_t length = sizeof(own);
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0 || getsockname(fd, (struct sockaddr *)&own, &length))
		fail("accept");
	close(fd);
	return ntohl(own.sin_addr.s_addr);
}

static uint32_t next_datagram(int listener)
{
	char control[256], byte;
	struct iovec v = {&byte, 1};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};

	if (recvmsg(listener, &m, 0) < 0)
		fail("recvmsg");
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO)
			return ntohl(((struct in_pktinfo *)CMSG_DATA(c))->ipi_addr.s_addr);
	errno = EPROTO;
	fail("the address of a datagram");
	return 0;
}

static uint32_t next_packet(int listener)
{
	struct iphdr header;

	if (recv(listener, &header, sizeof(header), 0) < 0)
		fail("recv");
	return ntohl(header.daddr);
}

static const struct listening ways[] = {
	{"tcp", SOCK_STREAM, 0, next_connection},
	{"udp", SOCK_DGRAM, 0, next_datagram},
	{"raw", SOCK_RAW, 253, next_packet}, /* for experiments, RFC 3692 */
};

static int listen_on(const struct listening *way, uint16_t port)
{
	struct sockaddr_in any = at(INADDR_ANY, port);
	int one = 1, fd = socket(AF_INET, way->type | SOCK_CLOEXEC, way->protocol);

	if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof(any)))
		fail(way->name);
	if (way->type == SOCK_STREAM ? listen(fd, 5) : setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof(one)))
		fail(way->name);
	return fd;
}

static void mark(const struct listening *way, uint16_t port)
{
	struct sockaddr_in to = at(MARKED, port);
	int fd = socket(AF_INET, way->type | SOCK_CLOEXEC, way->protocol);

	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)))
		fail("mark");
	if (way->type != SOCK_STREAM && send(fd, "m", 1, 0) != 1)
		fail("mark");
}

static const struct listening *lookup(const char *name)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		if (!strcmp(ways[i].name, name))
			return &ways[i];
	errno = EINVAL;
	fail(name);
	return NULL;
}

/*
 * What follows is done by a child. The parent ends as it did, and makes a file if anything of it arrived: what it sends itself when the
 * child has ended arrives last.
 */
static long run_arrives(int n, char **w)
{
	const struct listening *way = lookup(w[1]);
	uint16_t port = number(w[2]);
	int listener = listen_on(way, port), status;
	uint32_t to;
	pid_t child = fork();

	if (child <= 0)
		return child;
	if (waitpid(child, &status, 0) != child)
		fail("wait");
	mark(way, port);
	while ((to = way->next(listener)) != MARKED)
		if (to == DENIED && creat(w[3], 0644) < 0)
			fail(w[3]);
	exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

const struct command arrival_commands[] = {
	{"arrives", 3, run_arrives, "tcp|udp|raw PORT FILE: makes the file if what follows, done by a child, gets something to 127.0.0.1"},
	{},
};
