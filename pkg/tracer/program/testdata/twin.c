// SPDX-License-Identifier: Apache-2.0
/* Has a second static function of the name twin. */
static __attribute__((noinline)) int twin(int n)
{
	__asm__ volatile("" : "+r"(n));
	return n * 3;
}

int twins(int n) { return twin(n); }
