/* SPDX-License-Identifier: Apache-2.0 */
/* A program with functions and a static probe to look at: probes LABEL NUMBER TEXT */
#include <stdio.h>
#include <stdlib.h>

/* A note as systemtap's sdt.h writes it: provider field, name called, a signed word of 4 bytes and a pointer in registers. */
#define PROBE(first, second)                                                                                                     \
	__asm__ volatile("990: nop\n"                                                                                            \
			 ".pushsection .note.stapsdt,\"\",\"note\"\n"                                                            \
			 ".balign 4\n"                                                                                           \
			 ".4byte 992f-991f, 994f-993f, 3\n"                                                                      \
			 "991: .asciz \"stapsdt\"\n"                                                                             \
			 "992: .balign 4\n"                                                                                      \
			 "993: .8byte 990b, 0, 0\n"                                                                              \
			 ".asciz \"field\"\n"                                                                                    \
			 ".asciz \"called\"\n"                                                                                   \
			 ".asciz \"-4@%0 8@%1\"\n"                                                                               \
			 "994: .balign 4\n"                                                                                      \
			 ".popsection\n" ::"r"(first), "r"(second))

__attribute__((noinline)) unsigned long add_numbers(int a, unsigned long b)
{
	PROBE(a, b);
	return a + b;
}

__attribute__((noinline)) void greet(const char *text)
{
	__asm__ volatile("" ::"r"(text) : "memory");
}

int main(int count, char **words)
{
	if (count != 4)
		return 2;
	greet(words[3]);
	return add_numbers(atoi(words[2]), 40) ? 0 : 1;
}
