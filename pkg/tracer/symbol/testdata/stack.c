// SPDX-License-Identifier: Apache-2.0
/* Prints the return addresses of three functions that call one another, the innermost first, as "name distance address", where
 * distance is from the function's start; then waits for the end of its input. */
#include <stdio.h>
#include <unistd.h>

#define SHOW(function)                                                                             \
	do {                                                                                       \
		unsigned long here;                                                                \
		__asm__ volatile("lea 1f(%%rip), %0\n1:" : "=r"(here));                              \
		printf(#function " %lu %lu\n", here - (unsigned long)function, here);               \
	} while (0)

__attribute__((noinline)) static void inner(void) { SHOW(inner); }
__attribute__((noinline)) void middle(void)
{
	inner();
	SHOW(middle);
}
__attribute__((noinline)) static void outer(void)
{
	middle();
	SHOW(outer);
}

/* Its last instruction is a call: what that returns to is the next function. */
__attribute__((noinline, noreturn)) static void wait_for_end(void)
{
	char byte;

	while (read(0, &byte, 1) > 0)
		;
	_exit(0);
}

int main(void)
{
	outer();
	printf("end\n");
	fflush(stdout);
	wait_for_end();
}
