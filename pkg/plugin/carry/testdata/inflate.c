/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decompresses gzip members for a test. Each question on standard input is two 32-bit numbers of this machine, the member's length and
 * the size that it should decompress to, and the member; each answer is a 32-bit number, that size or -1, and as many bytes.
 */
#include <stdio.h>
#include <stdlib.h>

#define memcpy starter_memcpy
#define memset starter_memset
#include "../starter/inflate.h"

int main(void)
{
	u32 question[2];

	while (fread(question, sizeof(question), 1, stdin) == 1) {
		/* Exactly as long as they may be, so that the sanitizer sees what goes beyond. */
		u8 *member = malloc(question[0]), *output = malloc(question[1]);
		int answer;

		if (question[0] && fread(member, question[0], 1, stdin) != 1)
			return 2;
		answer = inflate(member, question[0], output, question[1]) ? -1 : (int)question[1];
		fwrite(&answer, sizeof(answer), 1, stdout);
		if (answer > 0)
			fwrite(output, answer, 1, stdout);
		fflush(stdout);
		free(member);
		free(output);
	}
	return 0;
}
