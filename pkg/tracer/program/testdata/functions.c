// SPDX-License-Identifier: Apache-2.0
/* For every line on standard input each function is called once. */
#include <stdio.h>

int data_symbol = 3;

__attribute__((noinline)) int global_function(int n)
{
	__asm__ volatile("nop\n.globl inner_label\ninner_label: nop" : "+r"(n));
	return n + 1;
}

int twins(int n);
static __attribute__((noinline)) int twin(int n)
{
	__asm__ volatile("" : "+r"(n));
	return n * 2;
}

static int chosen_one(int n) { return n + data_symbol; }
static int (*choose(void))(int) { return chosen_one; }
int chosen(int) __attribute__((ifunc("choose")));

int main(void)
{
	char line[16];

	while (fgets(line, sizeof(line), stdin)) {
		printf("%d\n", global_function(1) + twin(2) + twins(3) + chosen(4));
		fflush(stdout);
	}
	return 0;
}
