// SPDX-License-Identifier: Apache-2.0

//go:build linux

package process

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/cgroup"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/kernel"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// Output is an event with the processes that it names; they are never changed afterwards.
type Output struct {
	Event     wire.Event
	Processes []*wire.Process
}

// Config of a table.
type Config struct {
	Node           string
	Detail         wire.ProcessDetail
	Clock          *Clock
	HostNamespaces bpf.ProcessNamespaces
	// Running returns the processes that run now: asked for when a parent is not known.
	Running func() ([]*kernel.Image, error)
	// Emit takes the events, in order.
	Emit func(Output)
	// Lost says whether the kernel has lost records: then an unknown process may be one whose exec was lost.
	Lost func() bool
	// Target says whether a process is in the scope.
	Target func(*kernel.Image) bool
	// Runtime is the inode number of the mount namespace of the container runtime, of which is not told what it executes on its way
	// into a container; 0: everything is told.
	Runtime uint32
}

// Table is what runs. It is not for concurrent use.
type Table struct {
	Config
	processes map[kernel.Key]*entry
	// cgroups by id: what their names say. A cgroup's id is never used again.
	cgroups   map[uint64]cgroup.Identity
	refreshed time.Time
	exited    [recentExits]exited
	exits     int
}

// entry is a process. It lives on after its exit for as long as a child refers to it.
type entry struct {
	image  *wire.Process
	parent *entry
	// traced: the image was executed inside of the scope, or ran there when tracing began. False for what a container
	// runtime brings along while it enters a container (runc init): it is not reported.
	traced bool
	// execed: the process has executed a program since it was forked.
	execed bool
	// container and inInit tell whether descendants are in the tree of the container's first process.
	container string
	inInit    bool
	cgroup    uint64
	// left: it was moved out of the scope.
	left bool
	// visible: the task iterator has shown the process; absent: it did not, the last time.
	visible, absent bool
	// standIn: nothing is known of the image but whose it is. Sought: it was looked for in vain.
	standIn, sought bool
}

// NewTable returns an empty table.
func NewTable(c Config) *Table {
	return &Table{Config: c, processes: map[kernel.Key]*entry{}, cgroups: map[uint64]cgroup.Identity{}}
}

// Seed adds processes that run already; those that are known are left as they are. Events are not made. In scope says
// which of them are targets.
func (t *Table) Seed(images []*kernel.Image, inScope func(*kernel.Image) bool) {
	fresh := make(map[kernel.Key]*kernel.Image, len(images))
	for _, i := range images {
		if t.processes[i.Header.Process] == nil {
			fresh[i.Header.Process] = i
		}
	}
	for _, i := range images {
		t.seed(i, fresh, inScope)
	}
}

// Include marks running processes as traced that have become targets.
func (t *Table) Include(images []*kernel.Image, inScope func(*kernel.Image) bool) {
	t.Seed(images, inScope)
	for _, i := range images {
		if e := t.processes[i.Header.Process]; inScope(i) {
			e.traced = true
		}
	}
}

// seed adds one process, its parents first: what a process is depends on them.
func (t *Table) seed(i *kernel.Image, fresh map[kernel.Key]*kernel.Image, inScope func(*kernel.Image) bool) *entry {
	key := i.Header.Process
	if known := t.processes[key]; known != nil {
		return known
	}
	delete(fresh, key)
	parent := t.processes[i.Header.Parent]
	if above := fresh[i.Header.Parent]; parent == nil && above != nil {
		parent = t.seed(above, fresh, inScope)
	}
	e := &entry{parent: parent, execed: true, cgroup: i.Header.Cgroup, traced: inScope(i)}
	t.place(e, t.identity(i), i.NamespacePid, i.PidNamespaceLevel)
	e.image = t.describe(i, e, key.Start, event.FlagProcFS)
	t.processes[key] = e
	return e
}

// identity reads the image's cgroup and remembers it.
func (t *Table) identity(i *kernel.Image) cgroup.Identity {
	id, ok := t.cgroups[i.Header.Cgroup]
	if !ok {
		id = cgroup.Parse(i.CgroupPath)
		t.cgroups[i.Header.Cgroup] = id
	}
	return id
}

// place decides whether a process is in the tree of its container's first process: that one is pid 1 of a pid namespace.
func (t *Table) place(e *entry, id cgroup.Identity, namespacePid, level uint32) {
	e.container = id.ContainerID
	first := namespacePid == 1 && level > 0
	e.inInit = id.ContainerID != "" && (first || e.parent != nil && e.parent.inInit && e.parent.container == id.ContainerID)
}

// Cgroup implements kernel.Handler.
func (t *Table) Cgroup(c *kernel.Cgroup) {
	if id := cgroup.Parse(c.Path); id != (cgroup.Identity{}) { // the others would be many, and say nothing
		t.cgroups[c.Header.Cgroup] = id
	}
}

// CgroupGone implements kernel.Handler: its processes have ended, and no event of them is still to come.
func (t *Table) CgroupGone(id uint64) { delete(t.cgroups, id) }

// Fork implements kernel.Handler: the child runs its forker's image.
func (t *Table) Fork(r *bpf.ProcessForkRecord) {
	e := &entry{cgroup: r.Header.Cgroup}
	forker := t.processes[r.Forker]
	if forker == nil || r.Header.Parent == r.Forker {
		e.parent = forker
	} else {
		e.parent = t.processes[r.Header.Parent] // CLONE_PARENT
	}
	t.place(e, t.cgroups[r.Header.Cgroup], r.NamespacePid, r.PidNamespaceLevel)
	if forker != nil && forker.image != nil && !forker.standIn {
		e.traced = forker.traced
		image := *forker.image
		t.name(&image, r.Header.Process, r.Header.Process.Start, e)
		image.NamespacePid = r.NamespacePid
		image.BinaryProperties = nil
		flags := event.ParseFlags(image.Flags) & (event.FlagTruncatedArguments | event.FlagRootCwd)
		image.Flags = (flags | event.FlagClone | e.initFlag()).String()
		image.InInitTree = new(e.inInit)
		t.setCgroup(&image, t.cgroups[r.Header.Cgroup])
		e.image = &image
	}
	t.processes[r.Header.Process] = e
}

func (e *entry) initFlag() event.Flag {
	if e.inInit {
		return event.FlagInInitTree
	}
	return 0
}

// Exec implements kernel.Handler.
func (t *Table) Exec(i *kernel.Image) {
	known := t.processes[i.Header.Process]
	e := &entry{cgroup: i.Header.Cgroup, traced: true, execed: true}
	flags := event.FlagExecve
	if known == nil || !known.execed {
		flags |= event.FlagClone // the usual way; a process that was not seen before was forked outside of the scope
	}
	if known != nil && known.parent != nil && known.parent.traced {
		e.parent = known.parent // who forked it, though it may have ended since
	} else {
		e.parent = t.parent(i)
	}
	t.place(e, t.identity(i), i.NamespacePid, i.PidNamespaceLevel)
	e.image = t.describe(i, e, i.Header.Time, flags)
	t.processes[i.Header.Process] = e
	byRuntime := t.isRuntimes(i, known, e.parent)
	if known != nil {
		known.parent = nil // children may keep the old image alive, but not all of its ancestry
	}
	if byRuntime {
		e.traced = false
		return
	}

	exec := &event.ProcessExec{}
	told := wire.Event{Event: event.Event{ProcessExec: exec, Time: t.Clock.At(i.Header.Time)}}
	if i.Executable != e.image.Binary {
		told.Executable = toUTF8(i.Executable)
	}
	t.emit(told, e)
}

// isRuntimes says whether a program is executed by the runtime, before it has left its own mount namespace: by who was nobody in the
// container before. known is who executes it, if it was seen before.
func (t *Table) isRuntimes(i *kernel.Image, known, parent *entry) bool {
	return t.Runtime != 0 && i.Namespaces.Mnt == t.Runtime && (known == nil || !known.traced) && (parent == nil || !parent.traced)
}

// Exit implements kernel.Handler.
func (t *Table) Exit(r *bpf.ProcessExitRecord) {
	e := t.processes[r.Header.Process]
	switch {
	case e == nil && (t.lately(r.Header.Process) != nil || !t.Lost()):
		return // was reported already, or came into the scope without executing anything there (a runtime's helper)
	case e == nil || (e.image == nil || e.standIn) && t.Lost():
		e = t.unknown(r)
	case !e.traced:
		delete(t.processes, r.Header.Process)
		t.remember(r.Header.Process, e)
		return
	}
	delete(t.processes, r.Header.Process)
	t.remember(r.Header.Process, e)
	at := t.Clock.At(r.Header.Time)
	exit := &event.ProcessExit{Time: at}
	status := unix.WaitStatus(r.Code)
	if status.Signaled() {
		exit.Signal = unix.SignalName(status.Signal())
	} else {
		exit.Status = uint32(status.ExitStatus())
	}
	t.emit(wire.Event{Event: event.Event{ProcessExit: exit, Time: at}}, e)
	e.parent = nil // a chain of processes that each fork and exit must not grow for ever
}

func (t *Table) emit(of wire.Event, e *entry) { t.Emit(output(of, e)) }

// output is an event with the processes that it is about.
func output(of wire.Event, e *entry) Output {
	of.ProcessID = e.image.ExecID
	processes := []*wire.Process{e.image}
	if e.parent != nil && e.parent.image != nil {
		of.ParentID = e.parent.image.ExecID
		processes = append(processes, e.parent.image)
		// A fork that executed nothing (a subshell) was told in no event: what it hangs on comes along, up to what was told.
		for p := e.parent; !p.execed && p.parent != nil && p.parent.image != nil; p = p.parent {
			of.AncestorIDs = append(of.AncestorIDs, p.parent.image.ExecID)
			processes = append(processes, p.parent.image)
		}
	}
	return Output{of, processes}
}

// Alive is how many processes the table holds.
func (t *Table) Alive() int { return len(t.processes) }
