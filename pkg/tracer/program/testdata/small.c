// SPDX-License-Identifier: Apache-2.0
/* As little of a program as has a symbol table, a build ID and a USDT with a counter. */
__attribute__((section(".probes"), used)) unsigned short watched_counter;
int object = 3;

__attribute__((visibility("default"))) void watched(void)
{
	__asm__ volatile("990: nop\n"
			 ".pushsection .note.stapsdt,\"\",\"note\"\n.balign 4\n.4byte 992f-991f,994f-993f,3\n"
			 "991: .asciz \"stapsdt\"\n992: .balign 4\n"
			 "993: .8byte 990b\n.8byte 0\n.8byte watched_counter\n"
			 ".asciz \"small\"\n.asciz \"watched\"\n.asciz \"-4@%%eax 8@object(%%rip) -4@[sp, 60]\"\n"
			 "994: .balign 4\n.popsection\n" ::);
}

__attribute__((visibility("default"))) void _start(void) { watched(); }
