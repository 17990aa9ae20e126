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

/* Whether the number lies in one of count sorted, disjoint ranges. */
static __always_inline bool match_range(__u64 number, __u32 first, __u32 count)
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

/* Two texts, of which one is compared with the other. */
struct text_pair {
	/* where the text is in data */
	__u32 at;
	/* the operand at which the other begins, and its bytes */
	__u32 words, size;
	__u32 ignore_case;
};

/* Bits in which word number index of the texts differs. Without branches: each would double what the verifier looks at. */
static __always_inline __u64 difference(struct hook_scratch *s, const struct text_pair *pair, __u32 index)
{
	__s64 rest = (__s64)pair->size - index * 8; /* bytes from this word on */
	__u64 is_short = (__u64)(rest - 8) >> 63, is_beyond = (__u64)(rest - 1) >> 63;
	__u64 mask = (~0ULL >> ((8 * (8 - rest) * is_short) & 63)) & (is_beyond - 1);
	__u64 have = *(__u64 *)&s->data[(pair->at + index * 8) & (HOOK_DATA - 1)];

	have |= letters(have) & -(__u64)pair->ignore_case;
	return (have ^ operand(pair->words + index)) & mask;
}

struct word_comparison {
	struct hook_scratch *s;
	struct text_pair pair;
	__u32 different, reserved;
};

static long compare_word(__u32 index, struct word_comparison *c)
{
	c->different = difference(c->s, &c->pair, index + SHORT_WORDS) != 0;
	return c->different & 1;
}

/* Whether the texts are equal, as far as the second goes. Not static, as has_text: it is verified once. */
__noinline int equal_texts(struct hook_scratch *s, const struct text_pair *pair)
{
	struct word_comparison c = { .s = s };
	__u64 differ;

	if (!s || !pair)
		return 0;
	differ = difference(s, pair, 0);
	if (differ) /* most do at once */
		return 0;
	for (__u32 i = 1; i < SHORT_WORDS; i++)
		differ |= difference(s, pair, i);
	if (differ)
		return 0;
	if (pair->size <= 8 * SHORT_WORDS)
		return 1;
	c.pair = *pair;
	bpf_loop((pair->size + 7) / 8 - SHORT_WORDS, compare_word, &c, 0);
	return !c.different;
}

struct text_match {
	struct hook_scratch *s;
	/* the text in data */
	__u32 at, length;
	/* operand of the first of the texts that it is compared with */
	__u32 first;
	__u32 match, found, reserved;
	struct text_pair pair;
};

static long try_offset(__u32 offset, struct text_match *m)
{
	m->pair.at = m->at + offset;
	m->found = equal_texts(m->s, &m->pair);
	return m->found & 1;
}

static long try_text(__u32 index, struct text_match *m)
{
	__u64 text = operand(m->first + index);
	__u32 size = text >> 32;

	m->pair.size = size;
	m->pair.words = text;
	if (size > m->length || (m->match == MATCH_EQUAL && size != m->length))
		return 0;
	if (m->match == MATCH_SUBSTRING) {
		bpf_loop(m->length - size + 1, try_offset, m, 0);
		return m->found & 1;
	}
	m->pair.at = m->at;
	if (m->match == MATCH_POSTFIX)
		m->pair.at += m->length - size;
	m->found = equal_texts(m->s, &m->pair);
	return m->found & 1;
}

static __always_inline bool match_text(struct hook_scratch *s, struct value *value, __u32 match, bool ignore_case, __u32 first, __u32 count)
{
	struct text_match m = {
		.s = s, .at = value->at, .length = value->length, .first = first, .match = match, .pair.ignore_case = ignore_case,
	};

	bpf_loop(count, try_text, &m, 0);
	return m.found;
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

	bpf_loop(count, try_address, &m, 0);
	return m.found;
}

struct expression {
	struct hook_scratch *s;
	__u32 first, depth;
};

/* One operation. User space has made sure that the stack holds what it takes and never more than there is room for. */
static long compute(__u32 index, struct expression *e)
{
	__u64 operation = operand(e->first + 2 * index), value = operand(e->first + 2 * index + 1);
	__u32 depth = e->depth;
	__u64 *top = &e->s->stack[(depth - 1) & (EXPRESSION_DEPTH - 1)];
	__u64 *below = &e->s->stack[(depth - 2) & (EXPRESSION_DEPTH - 1)];
	__u64 *next = &e->s->stack[depth & (EXPRESSION_DEPTH - 1)];

	switch (operation) {
	case OPERATION_CONSTANT:
		*next = value;
		e->depth = depth + 1;
		return 0;
	case OPERATION_ARGUMENT:
		*next = e->s->values[value & (HOOK_ARGUMENTS - 1)].number;
		e->depth = depth + 1;
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
	e->depth = depth - 1;
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

static __always_inline bool match_expression(struct hook_scratch *s, __u32 first, __u32 count)
{
	struct expression e = { .s = s, .first = first };

	bpf_loop(count, compute, &e, 0);
	return s->stack[0];
}
