// SPDX-License-Identifier: Apache-2.0

package events_test

import (
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// program is a process that runs a binary with arguments as events have them: joined, those with blanks in quotes.
func program(binary, arguments string) *event.Process {
	return &event.Process{
		ExecID: "id", Binary: binary, Arguments: arguments, Cwd: "/srv", Flags: "execve", Uid: new(uint32(1000)), Auid: new(uint32(4294967295)),
	}
}

// exec is a process that begins, of a shell.
func exec(binary, arguments string) *event.Event {
	return execBy(program("/bin/bash", ""), binary, arguments)
}

func execBy(parent *event.Process, binary, arguments string) *event.Event {
	return &event.Event{ProcessExec: &event.ProcessExec{Process: program(binary, arguments), Parent: parent}}
}

// loading says which file an exec loaded.
func loading(executable string, e *event.Event) *event.Event {
	e.Executable = executable
	return e
}

// changing lets change the process of an event.
func changing(e *event.Event, change func(*event.Process)) *event.Event {
	change(e.Process())
	return e
}

func pathArg(path string) event.Argument { return event.Argument{PathArg: &event.FileArg{Path: path}} }
func fileArg(path string) event.Argument { return event.Argument{FileArg: &event.FileArg{Path: path}} }
func uintArg(n uint32) event.Argument    { return event.Argument{UintArg: &n} }

func labelled(label string, a event.Argument) event.Argument {
	a.Label = label
	return a
}

// calling is a function of the kernel that a process called.
func calling(p *event.Process, function string, args ...event.Argument) *event.Event {
	return &event.Event{ProcessKprobe: &event.ProcessKprobe{Process: p, FunctionName: function, Hooked: event.Hooked{Args: args}}}
}

// opening is an open with the file's flags and mode.
func opening(binary, path string, flags, mode uint32) *event.Event {
	return calling(program(binary, ""), "security_file_open", fileArg(path), labelled("flags", uintArg(flags)), labelled("mode", uintArg(mode)))
}

// Bits of flags and modes: O_WRONLY with O_CREAT, with O_TRUNC; FMODE_CREATED.
const (
	openCreate   = 0o101
	openTruncate = 0o1001
	created      = 0x100000
)

func creating(binary, path string) *event.Event { return opening(binary, path, openCreate, created) }

// connecting is a TCP connection to an address.
func connecting(binary, address string, port uint32) *event.Event {
	return calling(program(binary, ""), "tcp_connect", event.Argument{SockArg: &event.SockArg{
		Family: "AF_INET", Type: "SOCK_STREAM", Protocol: "IPPROTO_TCP", Saddr: "10.1.0.7", Sport: 40000, Daddr: address, Dport: port,
	}})
}

// accepting is a TCP connection that a process accepted.
func accepting(binary, address string, port uint32) *event.Event {
	e := calling(program(binary, ""), "inet_csk_accept")
	e.ProcessKprobe.Return = &event.Argument{SockArg: &event.SockArg{
		Family: "AF_INET", Type: "SOCK_STREAM", Protocol: "IPPROTO_TCP", Saddr: "10.1.0.7", Sport: 8080, Daddr: address, Dport: port,
	}}
	return e
}
