// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"slices"
	"strconv"
	"strings"
)

// Word is the name of a number, or of bits, in the arguments of a system call.
type Word struct {
	Name string
	// Number, on x86-64 if there is no other; ARM64 where that has another.
	Number uint64
	ARM64  uint64
}

// On is the number on an architecture, as Go calls it.
func (w *Word) On(arch string) uint64 {
	if arch == "arm64" {
		return w.ARM64
	}
	return w.Number
}

// same makes words whose numbers are the same everywhere.
func same(words ...Word) []Word {
	for i := range words {
		words[i].ARM64 = words[i].Number
	}
	return words
}

// OpenFlags are the words of evt.arg.flags of opens in the order in which they are written; uapi/asm-generic/fcntl.h, and that of
// arm64. O_RDONLY is the absence of the other two. What Falco adds of itself (O_F_CREATED, FD_UPPER_LAYER) is no flag of the call.
var openFlags = []Word{
	{"O_LARGEFILE", 0o100000, 0o400000}, {"O_DIRECTORY", 0o200000, 0o40000}, {"O_DIRECT", 0o40000, 0o200000}, {"O_TRUNC", 0o1000, 0o1000},
	{"O_SYNC", 0o4010000, 0o4010000}, {"O_NONBLOCK", 0o4000, 0o4000}, {"O_EXCL", 0o200, 0o200}, {"O_DSYNC", 0o10000, 0o10000},
	{"O_APPEND", 0o2000, 0o2000}, {"O_CREAT", 0o100, 0o100}, {"O_RDWR", 2, 2}, {"O_WRONLY", 1, 1}, {"O_RDONLY", 0, 0},
	{"O_CLOEXEC", 0o2000000, 0o2000000}, {"O_TMPFILE", 0o20200000, 0o20040000}, {"O_F_CREATED", 0, 0}, {"FD_UPPER_LAYER", 0, 0}, {"FD_LOWER_LAYER", 0, 0},
}

// modes are the words of evt.arg.mode in the order in which they are written; uapi/linux/stat.h.
var modes = same(
	Word{Name: "S_IXOTH", Number: 0o1}, Word{Name: "S_IWOTH", Number: 0o2}, Word{Name: "S_IROTH", Number: 0o4}, Word{Name: "S_IXGRP", Number: 0o10},
	Word{Name: "S_IWGRP", Number: 0o20}, Word{Name: "S_IRGRP", Number: 0o40}, Word{Name: "S_IXUSR", Number: 0o100}, Word{Name: "S_IWUSR", Number: 0o200},
	Word{Name: "S_IRUSR", Number: 0o400}, Word{Name: "S_ISVTX", Number: 0o1000}, Word{Name: "S_ISGID", Number: 0o2000}, Word{Name: "S_ISUID", Number: 0o4000},
)

// ptraceRequests are those of x86-64 (uapi/linux/ptrace.h, asm/ptrace-abi.h): others have no SETREGS.
var ptraceRequests = same(
	Word{Name: "PTRACE_TRACEME", Number: 0}, Word{Name: "PTRACE_PEEKTEXT", Number: 1}, Word{Name: "PTRACE_PEEKDATA", Number: 2},
	Word{Name: "PTRACE_PEEKUSR", Number: 3}, Word{Name: "PTRACE_POKETEXT", Number: 4}, Word{Name: "PTRACE_POKEDATA", Number: 5},
	Word{Name: "PTRACE_POKEUSR", Number: 6}, Word{Name: "PTRACE_CONT", Number: 7}, Word{Name: "PTRACE_KILL", Number: 8},
	Word{Name: "PTRACE_SINGLESTEP", Number: 9}, Word{Name: "PTRACE_GETREGS", Number: 12}, Word{Name: "PTRACE_SETREGS", Number: 13},
	Word{Name: "PTRACE_GETFPREGS", Number: 14}, Word{Name: "PTRACE_SETFPREGS", Number: 15}, Word{Name: "PTRACE_ATTACH", Number: 16},
	Word{Name: "PTRACE_DETACH", Number: 17}, Word{Name: "PTRACE_GETFPXREGS", Number: 18}, Word{Name: "PTRACE_SETFPXREGS", Number: 19},
	Word{Name: "PTRACE_OLDSETOPTIONS", Number: 21}, Word{Name: "PTRACE_SYSCALL", Number: 24}, Word{Name: "PTRACE_GET_THREAD_AREA", Number: 25},
	Word{Name: "PTRACE_SET_THREAD_AREA", Number: 26}, Word{Name: "PTRACE_ARCH_PRCTL", Number: 30}, Word{Name: "PTRACE_SYSEMU", Number: 31},
	Word{Name: "PTRACE_SYSEMU_SINGLESTEP", Number: 32}, Word{Name: "PTRACE_SINGLEBLOCK", Number: 33}, Word{Name: "PTRACE_SETOPTIONS", Number: 0x4200},
	Word{Name: "PTRACE_GETEVENTMSG", Number: 0x4201}, Word{Name: "PTRACE_GETSIGINFO", Number: 0x4202}, Word{Name: "PTRACE_SETSIGINFO", Number: 0x4203},
	Word{Name: "PTRACE_GETREGSET", Number: 0x4204}, Word{Name: "PTRACE_SETREGSET", Number: 0x4205}, Word{Name: "PTRACE_SEIZE", Number: 0x4206},
	Word{Name: "PTRACE_INTERRUPT", Number: 0x4207}, Word{Name: "PTRACE_LISTEN", Number: 0x4208}, Word{Name: "PTRACE_PEEKSIGINFO", Number: 0x4209},
	Word{Name: "PTRACE_GETSIGMASK", Number: 0x420a}, Word{Name: "PTRACE_SETSIGMASK", Number: 0x420b},
	Word{Name: "PTRACE_SECCOMP_GET_FILTER", Number: 0x420c},
)

// OpenFlags are the flags of open in the order in which they are written.
func OpenFlags() []Word { return slices.Clone(openFlags) }

// Modes are the bits of a file's mode in the order in which they are written.
func Modes() []Word { return slices.Clone(modes) }

// PtraceRequests are the requests of ptrace.
func PtraceRequests() []Word { return slices.Clone(ptraceRequests) }

// accessMode are the bits of open's flags that say how the file is accessed: 0 to read, 1 to write, 2 both.
const accessMode = 3

// AccessMode is how an open with these flags accesses the file.
func AccessMode(flags uint64) (read, write bool) {
	mode := flags & accessMode
	return mode == 0 || mode == 2, mode == 1 || mode == 2
}

// OpenFlagWords writes the flags of an open: O_RDWR stands alone for both directions. Those of Falco's own are not known here.
func OpenFlagWords(flags uint64, arch string) string {
	var words []string
	for i := range openFlags {
		w := &openFlags[i]
		bits := w.On(arch)
		switch w.Name {
		case "O_RDONLY":
			if flags&accessMode == 0 {
				words = append(words, w.Name)
			}
		case "O_WRONLY", "O_RDWR":
			if flags&accessMode == bits {
				words = append(words, w.Name)
			}
		default:
			if bits != 0 && flags&bits == bits {
				words = append(words, w.Name)
			}
		}
	}
	return joined(words)
}

// ModeWords writes a file's mode.
func ModeWords(mode uint64) string {
	var words []string
	for i := range modes {
		if mode&modes[i].Number != 0 {
			words = append(words, modes[i].Name)
		}
	}
	return joined(words)
}

// joined is how a set of flags is written; 0 if there are none.
func joined(words []string) string {
	if len(words) == 0 {
		return "0"
	}
	return strings.Join(words, "|")
}

// PtraceRequest is the name of a request; one that has none is written as a number.
func PtraceRequest(request uint64) string {
	for i := range ptraceRequests {
		if ptraceRequests[i].Number == request {
			return ptraceRequests[i].Name
		}
	}
	return strconv.FormatUint(request, 10)
}

// Success is what evt.res says of a call that did not fail.
const Success = "SUCCESS"

// errnos are the errors by their numbers, in Falco's words (uapi/asm-generic/errno.h); - where there is none.
var errnos = strings.Fields(`- EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG ENOEXEC EBADF ECHILD EAGAIN ENOMEM EACCES EFAULT ENOTBLK EBUSY EEXIST EXDEV
	ENODEV ENOTDIR EISDIR EINVAL ENFILE EMFILE ENOTTY ETXTBSY EFBIG ENOSPC ESPIPE EROFS EMLINK EPIPE EDOM ERANGE EDEADLK ENAMETOOLONG ENOLCK
	ENOSYS ENOTEMPTY ELOOP - ENOMSG EIDRM ECHRNG EL2NSYNC EL3HLT EL3RST ELNRNG EUNATCH ENOCSI EL2HLT EBADE EBADR EXFULL ENOANO EBADRQC
	EBADSLT - EBFONT ENOSTR ENODATA ETIME ENOSR ENONET ENOPKG EREMOTE ENOLINK EADV ESRMNT ECOMM EPROTO EMULTIHOP EDOTDOT EBADMSG EOVERFLOW
	ENOTUNIQ EBADFD EREMCHG ELIBACC ELIBBAD ELIBSCN ELIBMAX ELIBEXEC EILSEQ ERESTART ESTRPIPE EUSERS ENOTSOCK EDESTADDRREQ EMSGSIZE
	EPROTOTYPE ENOPROTOOPT EPROTONOSUPPORT ESOCKTNOSUPPORT EOPNOTSUPP EPFNOSUPPORT EAFNOSUPPORT EADDRINUSE EADDRNOTAVAIL ENETDOWN
	ENETUNREACH ENETRESET ECONNABORTED ECONNRESET ENOBUFS EISCONN ENOTCONN ESHUTDOWN ETOOMANYREFS ETIMEDOUT ECONNREFUSED EHOSTDOWN
	EHOSTUNREACH EALREADY EINPROGRESS ESTALE EUCLEAN ENOTNAM ENAVAIL EISNAM EREMOTEIO EDQUOT ENOMEDIUM EMEDIUMTYPE ECANCELED ENOKEY
	EKEYEXPIRED EKEYREVOKED EKEYREJECTED EOWNERDEAD ENOTRECOVERABLE ERFKILL EHWPOISON`)

// ResultWord is evt.res for a return value: SUCCESS, or the error's name; one that has none is written as a number.
func ResultWord(result int64) string {
	if result >= 0 {
		return Success
	}
	if n := -result; n > 0 && n < int64(len(errnos)) && errnos[n] != "-" {
		return errnos[n]
	}
	return strconv.FormatInt(-result, 10)
}

// ErrorNumber is the number of an error's name.
func ErrorNumber(name string) (int64, bool) {
	at := slices.Index(errnos, name)
	return int64(at), at > 0 && name != "-"
}
