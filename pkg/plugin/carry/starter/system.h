/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's calls, without a C library: what a program in an image that holds nothing can rely on. */
#ifndef SYSTEM_H
#define SYSTEM_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;
typedef long s64;

/* Numbers are those of linux/asm/unistd.h of each architecture. Flags are the same on both. */
#if defined(__x86_64__)
enum {
	NR_READ = 0,
	NR_WRITE = 1,
	NR_CLOSE = 3,
	NR_MMAP = 9,
	NR_MUNMAP = 11,
	NR_EXECVE = 59,
	NR_FCNTL = 72,
	NR_UNLINKAT = 263,
	NR_EXIT_GROUP = 231,
	NR_OPENAT = 257,
	NR_PPOLL = 271,
	NR_MEMFD_CREATE = 319,
	NR_EXECVEAT = 322,
};

static inline s64 call(s64 number, s64 a, s64 b, s64 c, s64 d, s64 e, s64 f)
{
	s64 result;
	register s64 r10 __asm__("r10") = d;
	register s64 r8 __asm__("r8") = e;
	register s64 r9 __asm__("r9") = f;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}
#elif defined(__aarch64__)
enum {
	NR_FCNTL = 25,
	NR_UNLINKAT = 35,
	NR_OPENAT = 56,
	NR_CLOSE = 57,
	NR_READ = 63,
	NR_WRITE = 64,
	NR_PPOLL = 73,
	NR_EXIT_GROUP = 94,
	NR_MUNMAP = 215,
	NR_EXECVE = 221,
	NR_MMAP = 222,
	NR_MEMFD_CREATE = 279,
	NR_EXECVEAT = 281,
};

static inline s64 call(s64 number, s64 a, s64 b, s64 c, s64 d, s64 e, s64 f)
{
	register s64 x8 __asm__("x8") = number;
	register s64 x0 __asm__("x0") = a;
	register s64 x1 __asm__("x1") = b;
	register s64 x2 __asm__("x2") = c;
	register s64 x3 __asm__("x3") = d;
	register s64 x4 __asm__("x4") = e;
	register s64 x5 __asm__("x5") = f;

	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
	return x0;
}
#else
#error "no system calls for this architecture"
#endif

enum {
	EINTR = 4,
	EAGAIN = 11,
	EINVAL = 22,
	AT_FDCWD = -100,
	AT_EMPTY_PATH = 0x1000,
	O_WRONLY = 1,
	O_CREAT = 0100,
	O_EXCL = 0200,
	O_CLOEXEC = 02000000,
	MFD_CLOEXEC = 1,
	MFD_ALLOW_SEALING = 2,
	MFD_EXEC = 0x10, /* since Linux 6.3, which warns without */
	F_ADD_SEALS = 1033,
	F_SEAL_ALL = 0xf, /* seal, shrink, grow, write */
	PROT_READ_WRITE = 3,
	MAP_PRIVATE_ANONYMOUS = 0x22,
	POLLIN = 1,
};

/* The compiler may call these for assignments and initialisations. */
void *memcpy(void *to, const void *from, u64 size)
{
	for (u64 i = 0; i < size; i++)
		((u8 *)to)[i] = ((const u8 *)from)[i];
	return to;
}

void *memset(void *to, int value, u64 size)
{
	for (u64 i = 0; i < size; i++)
		((u8 *)to)[i] = value;
	return to;
}

static u64 length(const char *text)
{
	u64 n = 0;

	while (text[n])
		n++;
	return n;
}

#endif
