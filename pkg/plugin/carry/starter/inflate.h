/* SPDX-License-Identifier: Apache-2.0 */
/* A gzip member to memory: RFC 1952 and 1951. What it reads has been verified by its digest; still no byte of it is trusted. */
#ifndef INFLATE_H
#define INFLATE_H

#include "system.h"

enum {
	MAX_BITS = 15, /* longest code */
	LITERALS = 288,
	DISTANCES = 32,
	LENGTH_CODES = 19,
	END_OF_BLOCK = 256,
	GZIP_HEADER = 10,
	GZIP_TRAILER = 8,
};

/* input is read from its lowest bit on. */
struct input {
	const u8 *next, *end;
	u64 bits;
	u32 count;
};

struct output {
	u8 *start, *next, *end;
};

/* table tells by the next MAX_BITS bits a symbol and its code's length: symbol << 4 | length, 0 for no code. */
struct table {
	u16 entries[1 << MAX_BITS];
};

static struct table literals, distances;

static void refill(struct input *in)
{
	while (in->count <= 56 && in->next < in->end) {
		in->bits |= (u64)*in->next++ << in->count;
		in->count += 8;
	}
}

/* take returns the next bits, at most 16, or -1 at the end of the input. */
static int take(struct input *in, u32 count)
{
	int value;

	refill(in);
	if (in->count < count)
		return -1;
	value = in->bits & ((1u << count) - 1);
	in->bits >>= count;
	in->count -= count;
	return value;
}

static int symbol(struct input *in, const struct table *table)
{
	u16 entry;

	refill(in);
	entry = table->entries[in->bits & ((1 << MAX_BITS) - 1)];
	if (!entry || in->count < (entry & 15u))
		return -1;
	in->bits >>= entry & 15;
	in->count -= entry & 15;
	return entry >> 4;
}

/* build makes the table of a canonical code of these lengths. It returns -1 if there are more codes than fit. */
static int build(struct table *table, const u8 *lengths, int symbols)
{
	/* At first how many codes there are of one bit less, then the next code of so many bits. */
	u32 next[MAX_BITS + 2] = { 0 }, code = 0;

	memset(table, 0, sizeof(*table));
	for (int i = 0; i < symbols; i++)
		next[lengths[i] + 1] += lengths[i] != 0;
	for (int bits = 1; bits <= MAX_BITS; bits++)
		next[bits] = code = (code + next[bits]) << 1;
	for (int i = 0; i < symbols; i++) {
		u32 reversed = 0, bits = lengths[i];

		if (!bits)
			continue;
		code = next[bits]++;
		if (code >> bits)
			return -1;
		for (u32 j = 0; j < bits; j++)
			reversed |= (code >> j & 1) << (bits - 1 - j);
		for (u32 j = reversed; j < 1 << MAX_BITS; j += 1 << bits)
			table->entries[j] = i << 4 | bits;
	}
	return 0;
}

static int stored(struct input *in, struct output *out)
{
	int size, check;

	take(in, in->count % 8);
	size = take(in, 16);
	check = take(in, 16);
	if (size < 0 || check < 0 || (size ^ check) != 0xffff || size > out->end - out->next)
		return -1;
	while (size--) {
		int byte = take(in, 8);

		if (byte < 0)
			return -1;
		*out->next++ = byte;
	}
	return 0;
}

/* copy repeats what was written so far back. */
static int copy(struct output *out, s64 back, s64 size)
{
	if (back > out->next - out->start || size > out->end - out->next)
		return -1;
	for (; size; size--, out->next++)
		*out->next = out->next[-back];
	return 0;
}

/* RFC 1951, 3.2.5. */
static const u16 length_bases[29] = { 3,  4,  5,  6,  7,  8,  9,  10, 11,  13,	15,  17,  19,  23, 27,
				      31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258 };
static const u8 length_bits[29] = { 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0 };
static const u16 distance_bases[30] = { 1,   2,	  3,   4,   5,	 7,    9,    13,   17,	 25,   33,   49,   65,	  97,	 129,
					193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577 };
static const u8 distance_bits[30] = { 0, 0, 0, 0, 1, 1, 2, 2,  3,  3,  4,  4,  5,  5,  6,
				      6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13 };

static int compressed(struct input *in, struct output *out)
{
	for (;;) {
		int s = symbol(in, &literals), size, distance, more;

		if (s == END_OF_BLOCK)
			return 0;
		if (s < 0 || s > 285 || out->next == out->end)
			return -1;
		if (s < END_OF_BLOCK) {
			*out->next++ = s;
			continue;
		}
		s -= END_OF_BLOCK + 1;
		more = take(in, length_bits[s]);
		size = length_bases[s] + more;
		s = symbol(in, &distances);
		if (more < 0 || s < 0 || s > 29)
			return -1;
		more = take(in, distance_bits[s]);
		distance = distance_bases[s] + more;
		if (more < 0 || copy(out, distance, size))
			return -1;
	}
}

static int fixed_codes(void)
{
	u8 lengths[LITERALS];

	for (int i = 0; i < LITERALS; i++)
		lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
	if (build(&literals, lengths, LITERALS))
		return -1;
	memset(lengths, 5, DISTANCES);
	return build(&distances, lengths, DISTANCES);
}

/* read_lengths reads the lengths of all codes of a block, which are compressed by the code in literals. */
static int read_lengths(struct input *in, u8 *lengths, int count)
{
	for (int i = 0; i < count;) {
		int s = symbol(in, &literals), repeat, value = 0;

		if (s < 0)
			return -1;
		if (s < 16) {
			lengths[i++] = s;
			continue;
		}
		if (s == 16 && i == 0)
			return -1;
		if (s == 16)
			value = lengths[i - 1];
		repeat = s == 16 ? take(in, 2) : s == 17 ? take(in, 3) : take(in, 7);
		if (repeat < 0)
			return -1;
		repeat += s == 18 ? 11 : 3;
		if (repeat > count - i)
			return -1;
		while (repeat--)
			lengths[i++] = value;
	}
	return 0;
}

static int dynamic_codes(struct input *in)
{
	/* RFC 1951, 3.2.7. */
	static const u8 order[LENGTH_CODES] = { 16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15 };
	u8 lengths[LITERALS + DISTANCES] = { 0 };
	int literal_count = take(in, 5), distance_count = take(in, 5), count = take(in, 4);

	if (literal_count < 0 || distance_count < 0 || count < 0)
		return -1;
	literal_count += 257;
	distance_count += 1;
	if (literal_count > LITERALS)
		return -1;
	for (int i = 0; i < count + 4; i++) {
		int bits = take(in, 3);

		if (bits < 0)
			return -1;
		lengths[order[i]] = bits;
	}
	if (build(&literals, lengths, LENGTH_CODES))
		return -1;
	if (read_lengths(in, lengths, literal_count + distance_count))
		return -1;
	if (build(&literals, lengths, literal_count))
		return -1;
	return build(&distances, lengths + literal_count, distance_count);
}

static int blocks(struct input *in, struct output *out)
{
	int last, kind, failed;

	do {
		last = take(in, 1);
		kind = take(in, 2);
		switch (kind) {
		case 0:
			failed = stored(in, out);
			break;
		case 1:
			failed = fixed_codes() || compressed(in, out);
			break;
		case 2:
			failed = dynamic_codes(in) || compressed(in, out);
			break;
		default:
			failed = -1;
		}
		if (failed)
			return -1;
	} while (!last);
	return 0;
}

/* inflate writes exactly size bytes, or returns -1. The header must be the plain one of gzip -n. */
static int inflate(const u8 *data, u64 compressed_size, u8 *to, u64 size)
{
	struct input in = { .next = data + GZIP_HEADER, .end = data + compressed_size - GZIP_TRAILER };
	struct output out = { .start = to, .next = to, .end = to + size };

	if (compressed_size < GZIP_HEADER + GZIP_TRAILER || data[0] != 0x1f || data[1] != 0x8b || data[2] != 8 || data[3] != 0)
		return -1;
	if (blocks(&in, &out))
		return -1;
	return out.next == out.end ? 0 : -1;
}

#endif
