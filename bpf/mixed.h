// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Sums of words by which it is seen that none of them is another one. */
#pragma once
#include "kernel_types.h"

static __always_inline __u64 mixed(__u64 sum, __u64 with)
{
	sum = (sum ^ with) * 0x9e3779b97f4a7c15ULL; /* 2^64 divided by the golden ratio */
	return sum ^ sum >> 32;
}
