// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"slices"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy/syscalls"
)

// EventType is what happened: the name that evt.type has, and what such events carry.
type EventType struct {
	Name string
	// Number of the row among EventTypes.
	Number int
	// Parameters in their order, as evt.arg names them.
	Parameters []string
	// Descriptor: it is about a file descriptor, so that fd.* have values.
	Descriptor bool
}

// event makes a row; fd are the parameters of one that is about a file descriptor.
func event(name, parameters string, descriptor bool) EventType {
	return EventType{Name: name, Parameters: strings.Fields(parameters), Descriptor: descriptor}
}

// execParameters of a successful execve, which an execveat is told as.
const execParameters = "res exe args tid pid ptid cwd fdlimit pgft_maj pgft_min vm_size vm_rss vm_swap comm cgroups env tty pgid loginuid " +
	"flags cap_inheritable cap_permitted cap_effective exe_ino exe_ino_ctime exe_ino_mtime uid trusted_exepath gid"

// eventTypes that can be told: those of Falco's own rules. Others are known by name only.
var eventTypes = numbered([]EventType{
	event("execve", execParameters, false),
	event("execveat", execParameters, false),
	event("open", "fd name flags mode dev ino", true),
	event("openat", "fd dirfd name flags mode dev ino", true),
	event("openat2", "fd dirfd name flags mode resolve dev ino", true),
	event("creat", "fd name mode dev ino creat_flags", true),
	event("connect", "res tuple fd addr", true),
	event("accept", "fd tuple queuepct queuelen queuemax", true),
	event("accept4", "fd tuple queuepct queuelen queuemax flags", true),
	event("listen", "res fd backlog", true),
	event("socket", "fd domain type proto", true),
	event("sendto", "res data fd size tuple", true),
	event("sendmsg", "res data fd size tuple", true),
	event("recvfrom", "res data tuple fd size", true),
	event("recvmsg", "res size data tuple msgcontrol fd", true),
	event("dup", "res oldfd", true),
	event("dup2", "res oldfd newfd", true),
	event("dup3", "res oldfd newfd flags", true),
	event("symlink", "res target linkpath", false),
	event("symlinkat", "res target linkdirfd linkpath", false),
	event("link", "res oldpath newpath", false),
	event("linkat", "res olddir oldpath newdir newpath flags", false),
	event("rename", "res oldpath newpath", false),
	event("renameat", "res olddirfd oldpath newdirfd newpath", false),
	event("renameat2", "res olddirfd oldpath newdirfd newpath flags", false),
	event("unlink", "res path", false),
	event("rmdir", "res path", false),
	event("unlinkat", "res dirfd name flags", true),
	event("mkdir", "res path mode", false),
	event("mkdirat", "res dirfd path mode", true),
	event("chmod", "res filename mode", false),
	event("fchmod", "res fd mode", true),
	event("fchmodat", "res dirfd filename mode", true),
	event("ptrace", "res addr data request pid", false),
	event("setns", "res fd nstype", true),
	event("unshare", "res flags", false),
	event("bpf", "fd cmd", true),
	event("userfaultfd", "res flags", true),
	event("setuid", "res uid", false),
	event("init_module", "res img length uargs", false),
	event("finit_module", "res fd uargs flags", true),
})

func numbered(rows []EventType) []EventType {
	for i := range rows {
		rows[i].Number = i
	}
	return rows
}

// notCalls are events that are no system calls: they are known by name only.
var notCalls = []string{
	"signaldeliver", "procexit", "switch", "page_fault", "page_fault_user", "page_fault_kernel", "drop", "cpu_hotplug", "container", "tracer",
	"k8s", "mesos", "notification", "infra", "useradded", "userdeleted", "groupadded", "groupdeleted", "pluginevent", "asyncevent", "syscall",
	"unknown", "signal", "sysdigevent", "procinfo",
}

// openEvents open a file, dataEvents send or receive.
var (
	openEvents = []string{"open", "openat", "openat2", "creat"}
	dataEvents = []string{"sendto", "sendmsg", "recvfrom", "recvmsg"}
)

// EventTypes are the event types that can be told, by their numbers.
func EventTypes() []EventType { return slices.Clone(eventTypes) }

// EventTypeOf finds an event type that can be told.
func EventTypeOf(name string) (*EventType, bool) {
	for i := range eventTypes {
		if eventTypes[i].Name == name {
			return &eventTypes[i], true
		}
	}
	return nil, false
}

// KnownEventType says whether evt.type can be compared with a name: whether Falco has an event of it, or Linux a system call.
func KnownEventType(name string) bool {
	if _, ok := EventTypeOf(name); ok || slices.Contains(notCalls, name) {
		return true
	}
	for _, abi := range abis {
		if syscalls.Known(abi, name) {
			return true
		}
	}
	return false
}

var abis = []syscalls.ABI{syscalls.X64, syscalls.ARM64, syscalls.I386, syscalls.ARM32}

// KnownEventTypes are all names that evt.type can be compared with, sorted.
func KnownEventTypes() []string {
	names := slices.Clone(notCalls)
	for i := range eventTypes {
		names = append(names, eventTypes[i].Name)
	}
	for _, abi := range abis {
		names = append(names, syscalls.Names(abi)...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Has says whether events of the type have a parameter.
func (e *EventType) Has(parameter string) bool { return slices.Contains(e.Parameters, parameter) }
