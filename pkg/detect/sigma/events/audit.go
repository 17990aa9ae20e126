// SPDX-License-Identifier: Apache-2.0

package events

import (
	"path"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// origin is what the event of a record is about: a rule is tried only on records of the origins that it is armed for, because in a real
// set-up records exist only where an audit rule asks for them.
type origin uint8

const (
	fromExec origin = iota
	// fromOpen: a file was opened that was there; fromChange: a name was made or taken away.
	fromOpen
	fromChange
	fromSyscall
	origins
)

// syscallPrefixes stand before the names of system calls in events: of kernel functions of architectures, and of tracepoints.
var syscallPrefixes = []string{"__x64_sys_", "__ia32_sys_", "__arm64_sys_", "__arm64_compat_sys_", "sys_enter_", "sys_exit_", "sys_"}

// syscallOf is the name of the system call that an event is about, with its arguments and what it returned.
func syscallOf(e *event.Event) (name string, args []event.Argument, returned *event.Argument) {
	switch k, t := e.ProcessKprobe, e.ProcessTracepoint; {
	case k != nil:
		name, args, returned = k.FunctionName, k.Args, k.Return
	case t != nil && t.Subsys == "syscalls":
		name, args = t.Event, t.Args
	}
	for _, prefix := range syscallPrefixes {
		if call, ok := strings.CutPrefix(name, prefix); ok {
			return call, args, returned
		}
	}
	return "", nil, nil
}

// eachAuditRecord calls visit for each record that an event would have caused.
func (d *Detector) eachAuditRecord(e *event.Event, visit func(origin, *auditRecord)) {
	a := &d.audit
	a.event, a.process, a.executable = e, e.Process(), e.Executable
	if a.process == nil {
		return
	}
	if a.executable == "" && d.options.Executable != nil {
		a.executable = d.options.Executable(a.process)
	}
	if e.ProcessExec != nil {
		d.execRecords(a, visit)
		return
	}
	if call, args, returned := syscallOf(e); call != "" {
		a.kind, a.call, a.numbers, a.returned = typeSyscall, call, args, returned
		visit(fromSyscall, a)
		return
	}
	if h := hookOf(e); h != nil {
		pathRecords(a, fileChangeOf(e, h), visit)
	}
}

// execRecords are those of an exec: the arguments, the system call, and the paths of the program and of the file that was loaded.
func (d *Detector) execRecords(a *auditRecord, visit func(origin, *auditRecord)) {
	a.kind, a.argv = typeExecve, argv(a.words, a.process, a.executable, &d.options)
	if d.options.Argv == nil {
		a.words = a.argv.words
	}
	visit(fromExec, a)
	a.kind, a.call, a.numbers, a.returned = typeSyscall, "execve", nil, nil
	visit(fromExec, a)
	a.kind, a.nametype = typePath, nameNormal
	a.path = filePath{path: a.process.Binary}
	visit(fromExec, a)
	if a.executable != "" && a.executable != a.process.Binary {
		a.path = filePath{path: a.executable}
		visit(fromExec, a)
	}
}

// pathRecords are those of a file that is opened, created, renamed or removed, and of its directory where that changes.
func pathRecords(a *auditRecord, c fileChange, visit func(origin, *auditRecord)) {
	a.kind = typePath
	record := func(from origin, nametype string, p filePath) {
		if p.path != "" {
			a.nametype, a.path = nametype, p
			visit(from, a)
		}
	}
	directory := func(p filePath) filePath {
		if p.path == "" {
			return p
		}
		return filePath{path.Dir(p.path), p.unresolved}
	}
	switch {
	case c.operation == OpOpen && !c.created, c.operation == OpTruncate:
		record(fromOpen, nameNormal, c.path)
		return
	case c.from.path != "":
		record(fromChange, nameParent, directory(c.from))
		record(fromChange, nameDelete, c.from)
	}
	record(fromChange, nameParent, directory(c.path))
	record(fromChange, nameCreate, c.path)
}

// hookOf is the row of the table of the function that an event is about, nil if there is none.
func hookOf(e *event.Event) *Hook {
	switch k, l := e.ProcessKprobe, e.ProcessLsm; {
	case k != nil:
		return hooksByName[k.FunctionName]
	case l != nil:
		return hooksByName[l.FunctionName]
	}
	return nil
}
