// SPDX-License-Identifier: Apache-2.0
// load FILE RATE SECONDS: writes a byte to the file RATE times a second (0: as fast as it can) and prints how often it did, which is
// how many events a policy about these writes has to tell of.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static long long now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	int fd = open(argv[1], O_CREAT | O_WRONLY, 0600);
	long long rate = atoll(argv[2]), length = atoll(argv[3]) * 1000000000LL, begin = now(), written = 0;
	if (fd < 0)
		return 1;
	for (long long at = 0; at < length; at = now() - begin) {
		long long due = rate ? rate * at / 1000000000LL : written + 100;
		for (; written < due; written++)
			if (pwrite(fd, "x", 1, 0) != 1)
				return 1;
		if (rate)
			usleep(1000);
	}
	printf("%lld\n", written);
	return 0;
}
