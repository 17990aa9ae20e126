// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// everything is all arguments that have a text; where it is another's choice, it is quoted.
func everything(e *event.Event) (pieces []piece) {
	for i := range argumentCount(e) {
		a := argument(e, i)
		_, text := describe(a)
		if _, file := filePath(a); file || a.StringArg != nil || a.BytesArg != nil || a.TruncatedBytesArg != nil {
			text = quote(text)
		}
		pieces = append(pieces, present(text)...)
	}
	return pieces
}

// lastPath is the file itself: the hooks of paths have its directory before it.
func lastPath(e *event.Event) []piece {
	all := paths(e)
	if len(all) == 0 {
		return nil
	}
	return attributes(quote(all[len(all)-1]))
}

func allPaths(e *event.Event) (pieces []piece) {
	for _, path := range paths(e) {
		pieces = append(pieces, piece{toneArgument, quote(path)})
	}
	return pieces
}

// fromTo are the two names of a renamed file; the hooks of paths have a directory before each.
func fromTo(e *event.Event) []piece {
	switch all := paths(e); len(all) {
	case 0, 1:
		return allPaths(e)
	case 4:
		return attributes(quote(all[1]) + " -> " + quote(all[3]))
	default:
		return attributes(quote(all[0]) + " -> " + quote(all[len(all)-1]))
	}
}

// linkTo is a new link, which is the last of the files, and where it leads, argument i; the directory is told with the link.
func linkTo(i int) func(*event.Event) []piece {
	return func(e *event.Event) []piece {
		all, to := paths(e), pathOf(e, i)
		if len(all) == 0 || to == "" {
			return everything(e)
		}
		return attributes(quote(all[len(all)-1]) + " -> " + to)
	}
}

// newMode is the file and its new mode, the number after it.
func newMode(e *event.Event) []piece {
	pieces := lastPath(e)
	for i := argumentCount(e) - 1; i >= 0; i-- {
		if mode, ok := argument(e, i).Integer(); ok {
			return append(pieces, piece{toneArgument, fmt.Sprintf("%04o", mode&0o7777)})
		}
	}
	return pieces
}

// capabilityCheck is which capability was asked for, and the answer where the policy asked for it.
func capabilityCheck(e *event.Event) (pieces []piece) {
	for i := range argumentCount(e) {
		a := argument(e, i)
		if c := a.CapabilityArg; c != nil {
			name := c.Name
			if name == "" && c.Value != nil {
				name = event.CapabilityName(*c.Value)
			}
			pieces = append(pieces, piece{toneArgument, name})
		}
	}
	if k := e.ProcessKprobe; k != nil {
		granted := int64(0) // is what the security hooks return; these two return a boolean
		if k.FunctionName == "capable" || k.FunctionName == "ns_capable" {
			granted = 1
		}
		if n, ok := k.Return.Integer(); ok && n == granted {
			pieces = append(pieces, piece{toneGood, "granted"})
		} else if ok {
			pieces = append(pieces, piece{toneBad, "denied"})
		}
	}
	return pieces
}

// traceRequests are requests of ptrace that change or take over another process, include/uapi/linux/ptrace.h.
var traceRequests = map[int64]string{
	0: "TRACEME", 1: "PEEKTEXT", 2: "PEEKDATA", 3: "PEEKUSR", 4: "POKETEXT", 5: "POKEDATA", 6: "POKEUSR", 7: "CONT", 8: "KILL", 9: "SINGLESTEP",
	12: "GETREGS", 13: "SETREGS", 16: "ATTACH", 17: "DETACH", 24: "SYSCALL", 0x4200: "SETOPTIONS", 0x4204: "GETREGSET", 0x4205: "SETREGSET", 0x4206: "SEIZE", 0x4207: "INTERRUPT",
}

func traced(e *event.Event) []piece {
	request, pid := numberOf(e, 0), numberOf(e, 1)
	if n, ok := argument(e, 0).Integer(); ok && traceRequests[n] != "" {
		request = traceRequests[n]
	}
	if pid != "" {
		pid = "pid " + pid
	}
	return present(request, pid)
}

// unshared are the namespaces that a process leaves.
func unshared(e *event.Event) []piece {
	flags, ok := argument(e, 0).Integer()
	if !ok {
		return everything(e)
	}
	var words []string
	for bit := range 32 {
		if name := joinable[flags&(1<<bit)]; flags&(1<<bit) != 0 && name != "" {
			words = append(words, name)
		}
	}
	if words == nil {
		words = []string{"0x" + strconv.FormatInt(flags, 16)}
	}
	return attributes(strings.Join(words, ","))
}

// signals by number, on all architectures that there are tracers for.
var signals = strings.Fields(`0 HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ
	VTALRM PROF WINCH IO PWR SYS`)

// signalled is the signal and to which process; the arguments' places differ.
func signalled(signal, pid int) func(*event.Event) []piece {
	return func(e *event.Event) []piece {
		name, to := numberOf(e, signal), numberOf(e, pid)
		if n, ok := argument(e, signal).Integer(); ok && n > 0 && n < int64(len(signals)) {
			name = "SIG" + signals[n]
		}
		if to != "" {
			to = "pid " + to
		}
		return present(name, to)
	}
}

// present are attributes without those that are empty.
func present(texts ...string) (pieces []piece) {
	for _, t := range texts {
		if t != "" {
			pieces = append(pieces, piece{toneArgument, t})
		}
	}
	return pieces
}

// asked is all that the policy asked for of a call. Where the line's word does not say what was called, that comes first.
func asked(r row, e *event.Event) (pieces []piece) {
	if _, known := functionRowOf(e, ownLook); !known {
		pieces = r.details(e)
	}
	for _, one := range append(hookArguments(e), attribute{"return", returned(e)}) {
		if one.value != "" {
			pieces = append(pieces, piece{toneArgument, one.key + "=" + quote(one.value)})
		}
	}
	return pieces
}

// Bits of a mode that say what a file is, include/uapi/linux/stat.h.
const (
	typeOfFile  = 0o170000
	regularFile = 0o100000
)

// created: the kernel asks the same about a new file as about a device.
func created(e *event.Event, r *row) {
	mode, ok := argument(e, 2).Integer()
	if kind := mode & typeOfFile; ok && (kind == 0 || kind == regularFile) {
		r.word = "create"
	}
}
