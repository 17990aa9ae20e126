/* SPDX-License-Identifier: Apache-2.0 */
/* Places in this program itself that policies watch: a function, and a static probe as systemtap's sys/sdt.h makes one. */
#include "provoke.h"
#include <fcntl.h>
#include <sys/mman.h>

/* Not inlined, and not without the arguments. */
__attribute__((noinline)) long provoke_function(const char *text, long n)
{
	__asm__ volatile("" : : "r"(text), "r"(n) : "memory");
	return 2 * n;
}

__attribute__((noinline)) long provoke_other(void)
{
	__asm__ volatile("");
	return 7;
}

/* Calls itself: what each call returns has the numbers of those in it. */
__attribute__((noinline, optimize("no-optimize-sibling-calls"))) long provoke_nested(long n)
{
	__asm__ volatile("" : : "r"(n) : "memory");
	return n ? provoke_nested(n - 1) * 10 + n : 0;
}

static long run_nested(int n, char **w)
{
	provoke_nested(number(w[1]));
	return 0;
}

static long run_function(int n, char **w)
{
	long result = provoke_function(w[1], number(w[2]));

	if (n > 3 && result != (long)number(w[3])) {
		fprintf(stderr, "provoke: the function returned %ld\n", result);
		exit(96);
	}
	return 0;
}

/* The text lies in a file that nobody has looked into: its page is not there yet. */
static long run_function_of(int n, char **w)
{
	int fd = open(w[1], O_RDONLY);
	char *text = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);

	if (fd < 0 || text == MAP_FAILED || madvise(text, 4096, MADV_RANDOM))
		fail(w[1]);
	provoke_function(text, number(w[2]));
	return 0;
}

#define NOTE(provider, name, arguments)                                                                           \
	"990: nop\n"                                                                                              \
	".pushsection .note.stapsdt,\"\",\"note\"\n.balign 4\n.4byte 992f-991f,994f-993f,3\n"                        \
	"991: .asciz \"stapsdt\"\n992: .balign 4\n"                                                                \
	"993: .8byte 990b\n.8byte _.stapsdt.base\n.8byte 0\n"                                                     \
	".asciz \"" provider "\"\n.asciz \"" name "\"\n.asciz \"" arguments "\"\n994: .balign 4\n.popsection\n"       \
	".ifndef _.stapsdt.base\n"                                                                                \
	".pushsection .stapsdt.base,\"aG\",\"progbits\",.stapsdt.base,comdat\n.weak _.stapsdt.base\n"                 \
	".hidden _.stapsdt.base\n_.stapsdt.base: .space 1\n.size _.stapsdt.base,1\n.popsection\n.endif\n"

static long run_probe(int n, char **w)
{
	volatile int answer = 5;
	long first = number(w[1]);

	__asm__ volatile(NOTE("provoke", "hit", "-8@%[first] -4@%[answer] 8@%[text]") : : [first] "r"(first), [answer] "m"(answer), [text] "r"(w[1]));
	if (answer != (n > 2 ? (int)number(w[2]) : 5)) {
		fprintf(stderr, "provoke: the answer is %d\n", answer);
		exit(96);
	}
	return 0;
}

static long run_other(int n, char **w) { return provoke_other() == 7 ? 0 : -1; }

const struct command program_commands[] = {
	{"function", 2, run_function, "TEXT NUMBER [RESULT]: provoke_function, which returns NUMBER twice"},
	{"function-of", 2, run_function_of, "FILE NUMBER: provoke_function with the text of a file"},
	{"nested", 1, run_nested, "NUMBER: provoke_nested, which calls itself with each number below"},
	{"other-function", 0, run_other, ": provoke_other"},
	{"probe", 1, run_probe, "NUMBER [ANSWER]: the static probe provoke:hit, with its answer, 5 unless somebody sets it"},
	{},
};
