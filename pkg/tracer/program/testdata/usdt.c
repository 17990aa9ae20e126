// SPDX-License-Identifier: Apache-2.0
/* USDTs as systemtap's sys/sdt.h makes them, with their notes by hand. For every line on standard input all are hit once. The
 * first line of output has the values of probe kinds. */
#include <stdio.h>

#define NOTE(provider, name, counter, arguments)                                                                  \
	"990: nop\n"                                                                                              \
	".pushsection .note.stapsdt,\"\",\"note\"\n.balign 4\n.4byte 992f-991f,994f-993f,3\n"                        \
	"991: .asciz \"stapsdt\"\n992: .balign 4\n"                                                                \
	"993: .8byte 990b\n.8byte _.stapsdt.base\n.8byte " counter "\n"                                           \
	".asciz \"" provider "\"\n.asciz \"" name "\"\n.asciz \"" arguments "\"\n994: .balign 4\n.popsection\n"       \
	".ifndef _.stapsdt.base\n"                                                                                \
	".pushsection .stapsdt.base,\"aG\",\"progbits\",.stapsdt.base,comdat\n.weak _.stapsdt.base\n"                 \
	".hidden _.stapsdt.base\n_.stapsdt.base: .space 1\n.size _.stapsdt.base,1\n.popsection\n.endif\n"

/* Who watches test:counted, the kernel counts here. */
__attribute__((section(".probes"), used)) unsigned short test_counted_counter;
__attribute__((used)) static int global = -77;
__attribute__((used)) static long globals[4] = {10, 20, 30, 40};

__attribute__((noinline)) static void kinds(int number, unsigned char byte, unsigned long pointer, long index)
{
	volatile long local = -5000000000;
	volatile short table[6] = {1, 2, -3, 4, 5, 6};

	__asm__ volatile(NOTE("test", "kinds", "0",
			      "-4@%[number] 1@%b[byte] 8@%[pointer] -8@%[local] -4@global(%%rip) 8@globals+16(%%rip) "
			      "-2@(%[table],%[index],2) 8@$-3 4@$4000000000 1@%%ah 8f@%%xmm0 8@undefined_symbol(%%rip)")
			 :
			 : [number] "r"(number), [byte] "q"(byte), [pointer] "r"(pointer), [local] "m"(local), [table] "r"(table),
			   [index] "r"(index), "a"(0x4200));
}

static inline __attribute__((always_inline)) void twice(long value)
{
	__asm__ volatile(NOTE("test", "twice", "0", "-8@%[value]") : : [value] "nor"(value));
}

__attribute__((noinline)) static void counted(void)
{
	__asm__ volatile(NOTE("test", "counted", "test_counted_counter", ""));
}

int main(void)
{
	char line[16];

	printf("-123456 200 18446744073709551615 -5000000000 -77 30 -3 -3 4000000000 66\n");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		kinds(-123456, 200, -1UL, 2);
		twice(-1);
		twice(line[0]);
		counted();
		printf("%d\n", test_counted_counter);
		fflush(stdout);
	}
	return 0;
}
