// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plan

import (
	"math"

	"golang.org/x/sys/unix"
)

var (
	isDone = when{value: returns}
	// installs are the system calls that install credentials when they return 0.
	installs = []string{"setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setgroups", "capset", "unshare", "setns"}
)

// changingCredentials is commit_creds.
var changingCredentials = []equal{
	{exit: installs, arguments: []seen{credentials}, when: []when{isDone}, note: "credentials that the kernel changes by itself, and its keys, are not seen; calls that leave them as they are are seen too"},
	// What they return is the id before; -1 asks for it.
	{exit: []string{"setfsuid", "setfsgid"}, arguments: []seen{credentials}, when: []when{{value: lower32(argument(0)), max: math.MaxUint32 - 1}}},
	ofProcess(unix.PR_SET_KEEPCAPS),
	ofProcess(unix.PR_CAPBSET_DROP),
	ofProcess(unix.PR_SET_SECUREBITS),
	ofProcess(unix.PR_CAP_AMBIENT, when{value: argument(1), min: unix.PR_CAP_AMBIENT_RAISE, max: unix.PR_CAP_AMBIENT_CLEAR_ALL}),
	{event: execEvent, arguments: []seen{credentials}},
}

// ofProcess is an operation of prctl.
func ofProcess(operation uint64, and ...when) equal {
	return equal{exit: []string{"prctl"}, arguments: []seen{credentials}, when: append([]when{isDone, {value: lower32(argument(0)), min: operation, max: operation}}, and...)}
}

// lower32 is the lower half of an argument: all that a system call takes that wants 32 bits.
func lower32(value seen) seen {
	return func(n *Node, e *equal) (source, error) {
		from, err := value(n, e)
		from.ShiftLeft, from.ShiftRight = 32, 32
		return from, err
	}
}

// newUserBit is that of CLONE_NEWUSER, include/uapi/linux/sched.h.
const newUserBit = 28

// creatingUserNamespace is create_user_ns, which is called before anything is known of the new process.
var creatingUserNamespace = []equal{
	{enter: []string{"unshare", "clone"}, arguments: []seen{is(0)}, when: []when{bit(0, newUserBit, true)}, note: "calls that are refused before a user namespace is made are seen too"},
	{enter: []string{"clone3"}, arguments: []seen{is(0)}, when: []when{bitOf(inMemory(argument(0), 0, word), newUserBit, true)}},
}
