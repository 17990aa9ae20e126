// SPDX-License-Identifier: Apache-2.0
/* Compiled with type information (-gbtf) by the tests. Prints as the compiler lays the structs out: "resolve offset size", and
 * of bitfields "resolve bytes", where bytes are the whole struct in hexadecimal digits with all bits of the field set. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

typedef unsigned int u32;
enum color { red = -1, green = 1 };
struct leaf {
	char name[16];
	const volatile long number;
	struct leaf *next;
};
typedef struct leaf leaf_t;
struct wrapped {
	struct {
		int counter;
	} inner;
};
struct shape {
	char pad;
	leaf_t leaves[3];
	struct {
		short before;
		union {
			u32 in_union;
			struct {
				unsigned char low, high;
			};
		};
	};
	struct leaf *many[4];
	struct wrapped count;
	enum color color;
	double area;
	unsigned char flag_a : 1, flag_b : 2;
	int wide : 20;
	unsigned int after : 7;
	unsigned long long big : 40, rest : 10;
	signed char tiny;
	struct {
		unsigned int five : 5, thirty : 30;
	} __attribute__((packed)) tight;
	struct missing *missing;
	void *anything;
	char *text;
	char tail[];
} shape;

#define SHOW(path, member) printf("%s %zu %zu\n", path, offsetof(struct shape, member), sizeof(((struct shape *)0)->member))
#define SHOW_BITS(member)                                              \
	do {                                                           \
		memset(&shape, 0, sizeof(shape));                      \
		shape.member = -1;                                     \
		printf("%s ", #member);                                \
		for (size_t i = 0; i < sizeof(shape); i++)             \
			printf("%02x", ((unsigned char *)&shape)[i]); \
		printf("\n");                                          \
	} while (0)

int main(void)
{
	SHOW("pad", pad);
	SHOW("leaves", leaves);
	SHOW("leaves[2]", leaves[2]);
	SHOW("leaves[2].name", leaves[2].name);
	SHOW("leaves[1].name[3]", leaves[1].name[3]);
	SHOW("leaves[1].number", leaves[1].number);
	SHOW("before", before);
	SHOW("in_union", in_union);
	SHOW("low", low);
	SHOW("high", high);
	SHOW("many[3]", many[3]);
	SHOW("count", count);
	SHOW("count.inner.counter", count.inner.counter);
	SHOW("color", color);
	SHOW("tiny", tiny);
	SHOW("missing", missing);
	SHOW("text", text);
	printf("tail %zu 0\n", offsetof(struct shape, tail));
	SHOW_BITS(flag_a);
	SHOW_BITS(flag_b);
	SHOW_BITS(wide);
	SHOW_BITS(after);
	SHOW_BITS(big);
	SHOW_BITS(rest);
	SHOW_BITS(tight.five);
	SHOW_BITS(tight.thirty);
	return 0;
}
