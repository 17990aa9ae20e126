// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The ways to compare, each in one place. Operands stand in a map, as many as there are. */
#pragma once
#include "hook_scratch.h"

/* Halvings of a sorted list: enough for a million ranges. */
#define RANGE_STEPS 21
/* Texts of one filter, addresses of one filter, and offsets that a substring is tried at. */
#define MATCH_LIMIT (1 << 20)
/* Words of a text that are compared before a loop is worth it. */
#define SHORT_WORDS 4
/* What the programs for old kernels have turns for (see repeat.h): words of a text beyond those, texts and addresses of one filter,
 * operations of an expression. What has more is refused. */
#define OLD_WORDS 512
#define OLD_TEXTS 4096
#define OLD_ADDRESSES 256
#define OLD_OPERATIONS 64

/* Operations of an expression: each takes two operands of the filter, the operation and its value, takes what it works on
 * from a stack and puts the result there. Truth is 1. */
enum expression_operation {
	OPERATION_CONSTANT = 0,
	/* the number in place `value` */
	OPERATION_ARGUMENT = 1,
	OPERATION_ADD = 2,
	OPERATION_SUBTRACT = 3,
	OPERATION_AND = 4,
	OPERATION_OR = 5,
	OPERATION_XOR = 6,
	OPERATION_COMPLEMENT = 7,
	OPERATION_NOT = 8,
	OPERATION_EQUAL = 9,
	/* the lower of the two is below the upper; unsigned after XOR with value */
	OPERATION_LESS = 10,
	/* the number cut to 64 - value bits, with its sign or without */
	OPERATION_CUT_SIGNED = 11,
	OPERATION_CUT_UNSIGNED = 12,
};

/* Numbers, texts (padded with zero bytes to words) and addresses; user space sets how many there are. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} hook_operands SEC(".maps");

static __always_inline __u64 operand(__u32 index)
{
	__u64 *word = bpf_map_lookup_elem(&hook_operands, &index);

	return word ? *word : 0;
}

#ifdef OLD_KERNEL
/* A function of its own, which knows no numbers: with those of a filter their verifier would follow each way through the list. */
#define OF_UNKNOWN __noinline int

/* A word is put together before the next call, so that the stack need not hold the eight bytes that it is read by. */
#define MAKE_ONE_WORD(word) barrier_var(word)
#else
#define OF_UNKNOWN static __always_inline bool
#define MAKE_ONE_WORD(word)
#endif

/* Whether the number lies in one of count sorted, disjoint ranges. */
OF_UNKNOWN match_range(__u64 number, __u32 first, __u32 count)
{
	__u32 low = 0, high = count;

	for (int i = 0; i < RANGE_STEPS; i++) {
		__u32 middle = (low + high) / 2;

		if (low >= high)
			return false;
		if (number < operand(first + 2 * middle))
			high = middle;
		else if (number > operand(first + 2 * middle + 1))
			low = middle + 1;
		else
			return true;
	}
	return false;
}

/* What makes the ASCII letters of a word small, eight at once: bit 7 of a byte says whether it lies between 'A' and 'Z'. */
static __always_inline __u64 letters(__u64 word)
{
	const __u64 ones = 0x0101010101010101ULL, high = 0x80 * ones;
	__u64 seven = word & ~high;
	__u64 from_a = seven + (0x80 - 'A') * ones, beyond_z = seven + (0x80 - 'Z' - 1) * ones;

	return (from_a & ~beyond_z & ~word & high) >> 2;
}

/* Bits in which word number index of the texts differs. Without branches: each would double what the verifier looks at. */
static __always_inline __u64 difference(struct hook_scratch *s, __u32 index)
{
	const struct text_match *m = &s->text;
	__s64 rest = (__s64)m->size - index * 8; /* bytes from this word on */
	__u64 is_short = (__u64)(rest - 8) >> 63, is_beyond = (__u64)(rest - 1) >> 63;
	__u64 mask = (~0ULL >> ((8 * (8 - rest) * is_short) & 63)) & (is_beyond - 1);
	__u64 have = *(__u64 *)&s->data[(m->at + m->offset + index * 8) & (HOOK_DATA - 1)];

	MAKE_ONE_WORD(have);
	have |= letters(have) & -(__u64)m->ignore_case;
	return (have ^ operand(m->words + index)) & mask;
}

static long compare_word(__u32 index, struct in_scratch *in)
{
	struct hook_scratch *s = in->s;

	s->text.different = difference(s, index + SHORT_WORDS) != 0;
	return s->text.different & 1;
}

REPEATABLE_WITHIN(compare_word, struct in_scratch, scratch_at, 32, OLD_WORDS / 32)

/* Whether the texts are equal, as far as the second goes. Not static, as has_text: it is verified once. */
__noinline int equal_texts(SCRATCH_PARAMETER)
{
	TAKE_SCRATCH(s);
	struct in_scratch in = { .s = s };
	__u64 differ;

	if (!s)
		return 0;
	differ = difference(s, 0);
	if (differ) /* most do at once */
		return 0;
	for (__u32 i = 1; i < SHORT_WORDS; i++)
		differ |= difference(s, i);
	if (differ)
		return 0;
	if (s->text.size <= 8 * SHORT_WORDS)
		return 1;
	s->text.different = 0;
	repeat((s->text.size + 7) / 8 - SHORT_WORDS, compare_word, &in, s->slot);
	return !s->text.different;
}

static long try_offset(__u32 offset, struct in_scratch *in)
{
	struct hook_scratch *s = in->s;

	s->text.offset = offset;
	s->text.found = equal_texts(HAND(s));
	return s->text.found & 1;
}

/* As many as there are bytes in the longest buffer. */
REPEATABLE(try_offset, struct in_scratch, scratch_at, 64, HOOK_MARGIN / 64)

static long try_text(__u32 index, struct in_scratch *in)
{
	struct hook_scratch *s = in->s;
	struct text_match *m = &s->text;
	__u64 text = operand(m->first + index);
	__u32 size = text >> 32;

	m->size = size;
	m->words = text;
	m->offset = 0;
	if (size > m->length || (m->match == MATCH_EQUAL && size != m->length))
		return 0;
	if (m->match == MATCH_SUBSTRING) {
		repeat(m->length - size + 1, try_offset, in, s->slot);
		return m->found & 1;
	}
	if (m->match == MATCH_POSTFIX)
		m->offset = m->length - size;
	m->found = equal_texts(HAND(s));
	return m->found & 1;
}

REPEATABLE(try_text, struct in_scratch, scratch_at, 32, OLD_TEXTS / 32)

static __always_inline bool match_text(struct hook_scratch *s, struct value *value, __u32 match, bool ignore_case, __u32 first,
				       __u32 count)
{
	struct in_scratch in = { .s = s };
	struct text_match *m = &s->text;

	m->at = value->at;
	m->length = value->length;
	m->first = first;
	m->match = match;
	m->ignore_case = ignore_case;
	m->found = 0;
	repeat(count, try_text, &in, s->slot);
	return m->found;
}

struct address_match {
	__u64 high, low;
	__u32 first;
	__u32 found;
};

static long try_address(__u32 index, struct address_match *m)
{
	__u32 at = m->first + 4 * index;

	m->found = (m->high & operand(at + 2)) == operand(at) && (m->low & operand(at + 3)) == operand(at + 1);
	return m->found & 1;
}

static __always_inline bool match_address(const __u64 *address, __u32 first, __u32 count)
{
	struct address_match m = { .high = address[0], .low = address[1], .first = first };

	repeat_few(count, try_address, &m, OLD_ADDRESSES);
	return m.found;
}

struct expression {
	struct hook_scratch *s;
	__u32 first, depth;
};

#ifdef OLD_KERNEL
/* In a map: the verifier would follow each depth that there can be. */
#define DEPTH(e) ((e)->s->depth)

static __always_inline struct expression *expression_at(__u32 slot, struct expression *e)
{
	e->s = scratch_of(slot);
	if (!e->s)
		return NULL;
	e->first = e->s->expression;
	return e;
}
#define set_expression(s, first) ((s)->expression = (first))
#else
#define set_expression(s, first)
#define DEPTH(e) ((e)->depth)
#endif

/* One operation. User space has made sure that the stack holds what it takes and never more than there is room for. */
static long compute(__u32 index, struct expression *e)
{
	__u64 operation = operand(e->first + 2 * index), value = operand(e->first + 2 * index + 1);
	__u32 depth = DEPTH(e);
	__u64 *top = &e->s->stack[(depth - 1) & (EXPRESSION_DEPTH - 1)];
	__u64 *below = &e->s->stack[(depth - 2) & (EXPRESSION_DEPTH - 1)];
	__u64 *next = &e->s->stack[depth & (EXPRESSION_DEPTH - 1)];

	switch (operation) {
	case OPERATION_CONSTANT:
		*next = value;
		DEPTH(e) = depth + 1;
		return 0;
	case OPERATION_ARGUMENT:
		*next = e->s->values[value & (HOOK_ARGUMENTS - 1)].number;
		DEPTH(e) = depth + 1;
		return 0;
	case OPERATION_COMPLEMENT:
		*top = ~*top;
		return 0;
	case OPERATION_NOT:
		*top = !*top;
		return 0;
	case OPERATION_CUT_SIGNED:
		*top = (__s64)(*top << (value & 63)) >> (value & 63);
		return 0;
	case OPERATION_CUT_UNSIGNED:
		*top = *top << (value & 63) >> (value & 63);
		return 0;
	}
	DEPTH(e) = depth - 1;
	if (operation == OPERATION_ADD)
		*below += *top;
	else if (operation == OPERATION_SUBTRACT)
		*below -= *top;
	else if (operation == OPERATION_AND)
		*below &= *top;
	else if (operation == OPERATION_OR)
		*below |= *top;
	else if (operation == OPERATION_XOR)
		*below ^= *top;
	else if (operation == OPERATION_EQUAL)
		*below = *below == *top;
	else if (operation == OPERATION_LESS)
		*below = (*below ^ value) < (*top ^ value);
	return 0;
}

REPEATABLE(compute, struct expression, expression_at, 8, OLD_OPERATIONS / 8)

static __always_inline bool match_expression(struct hook_scratch *s, __u32 first, __u32 count)
{
	struct expression e = { .s = s, .first = first };

	DEPTH(&e) = 0;
	set_expression(s, first);
	repeat(count, compute, &e, s->slot);
	return s->stack[0];
}
