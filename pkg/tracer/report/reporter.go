// SPDX-License-Identifier: Apache-2.0

//go:build linux

package report

import (
	"errors"
	"fmt"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/hook"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/kernel"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/plan"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/process"
)

// Symbolizer says what addresses of stacks are, the innermost first.
type Symbolizer interface {
	Kernel(addresses []uint64) []event.StackTraceEntry
	// User is asked while the process may be at work still. Its pid is that of the pid namespace in which this process is.
	User(pid uint32, addresses []uint64) []event.StackTraceEntry
}

// Config of a reporter.
type Config struct {
	// Table of the processes that act; events go where its own go.
	Table *process.Table
	// Symbols may be nil: then stacks are shown by their addresses.
	Symbols Symbolizer
	// BuildIDs may be nil: then none is told that the kernel does not tell.
	BuildIDs BuildIDs
	// Architecture is Go's name of it: amd64 or arm64.
	Architecture string
	// WithoutRuntime: the hooks leave out who is on the way into a container, of which they know better than the table.
	WithoutRuntime bool
}

// BuildIDs reads build ids from files.
type BuildIDs interface {
	// Of is that of a file that a process has mapped, by its path and its inode number; nil for none, and where it is not known
	// for sure. The tgid is that of the initial pid namespace.
	Of(tgid uint32, path string, inode uint64) []byte
}

// Reporter makes events of the records of hooks. It is for one goroutine, the table's.
type Reporter struct {
	Config
	machine hook.Machine
	names   syscallNames
	hooks   []*served
	waiting waiting
	counts  Counts
	// undecided are calls that were given up before their filters at the return decided whether they are events.
	undecided uint64
	mapped    mappedFiles
	// current is the call that the latest record was of; what waits is a copy.
	current call
}

// ErrUnknown is the fault of a record that no hook that was announced can have made.
var ErrUnknown = errors.New("record of an unknown hook")

// New returns a reporter that knows no hooks yet.
func New(c Config) *Reporter {
	abis := machineABIs[c.Architecture]
	return &Reporter{
		Config: c,
		machine: hook.Machine{
			UserNamespace: c.Table.HostNamespaces.User, Native: abis.native, Compat: abis.compat, SocketNumber: hook.SocketNumbers(),
		},
		names:   namesOf(abis),
		waiting: newWaiting(maxWaiting),
		mapped:  newMappedFiles(),
	}
}

// Serve announces the hook whose records bear a number (Definition.Config.Hook), and the way in which it is served. Its
// records come after that.
func (r *Reporter) Serve(number uint32, h plan.Hook, w plan.Way) {
	for len(r.hooks) <= int(number) {
		r.hooks = append(r.hooks, nil)
	}
	r.hooks[number] = newServed(h, w)
}

// Record takes the next record, of which nothing is kept. Records of one thread must come in the order in which the kernel
// made them. An error says that the record can't be told.
func (r *Reporter) Record(record *hook.Record) error {
	if int64(record.Hook) >= int64(len(r.hooks)) || r.hooks[record.Hook] == nil {
		return fmt.Errorf("%w: number %d", ErrUnknown, record.Hook)
	}
	h := r.hooks[record.Hook]
	for i := range record.Arguments {
		if place := int(record.Arguments[i].Place); place >= len(h.places) {
			return fmt.Errorf("%w: %s has no argument in place %d", ErrUnknown, h.name, place)
		}
	}
	if !r.WithoutRuntime && (record.Done|record.Would)&enforcing == 0 && r.Table.Passing(kernel.Key(record.Header.Process)) {
		return nil
	}
	if record.Stage == hook.StageReturn {
		r.returned(h, record)
		return nil
	}
	c := r.call(h, record)
	if record.Flags&hook.RecordWaits == 0 {
		r.emit(c)
		return nil
	}
	key := h.waitingKey(record)
	r.abandon(key)
	kept := *c
	for _, oldest := range r.waiting.add(key, &kept) {
		r.giveUp(oldest)
	}
	return nil
}

// abandon gives up the call under a key and those in it: their returns were lost.
func (r *Reporter) abandon(key waitingKey) {
	for ; key.depth < hook.CallsAwaited; key.depth++ {
		if before := r.waiting.take(key); before != nil {
			r.unreturned(before)
		}
	}
}

// unreturned tells a call whose return does not come: unless filters on the return say whether it is an event, which the kernel
// has tried, and counted if it was.
func (r *Reporter) unreturned(c *call) {
	if !c.of.returnDecides || c.done&enforcing != 0 {
		r.emit(c)
	}
}

// giveUp is unreturned for a call that waits too long for the room that there is.
func (r *Reporter) giveUp(c *call) {
	if c.of.returnDecides && c.done&enforcing == 0 {
		r.undecided++
		return
	}
	r.counts.ReturnsLost++
	r.emit(c)
}

// returned takes the record of a return.
func (r *Reporter) returned(h *served, record *hook.Record) {
	key := h.waitingKey(record)
	inner := key
	inner.depth++
	r.abandon(inner)
	entry := r.waiting.find(key)
	switch {
	case entry != nil && entry.entered > record.Entered: // of a call before
		entry = nil
	case entry != nil && entry.entered < record.Entered: // its own return was lost
		r.unreturned(r.waiting.take(key))
		entry = nil
	case entry != nil:
		r.waiting.take(key)
	}
	switch void := record.Flags&hook.RecordVoid != 0; {
	case entry != nil && void:
		r.unreturned(entry)
	case entry != nil:
		r.complete(entry, record)
		r.emit(entry)
	case record.Flags&hook.RecordAlone != 0:
		r.emit(r.call(h, record))
	case h.returnDecides && r.undecided > 0: // of a call that was given up
		r.undecided--
		if !void {
			r.counts.Undecided++
		}
	}
}

// enforcing are the actions that are told whoever they hit, or would.
const enforcing = uint32(bpf.HookHookActionsACTION_KILL | bpf.HookHookActionsACTION_SIGNAL | bpf.HookHookActionsACTION_OVERRIDE |
	bpf.HookHookActionsACTION_NOTIFY_ENFORCER | bpf.HookHookActionsACTION_SET)

// Exited tells the calls of a process that will not return any more. It comes before its exit is told.
func (r *Reporter) Exited(key kernel.Key) {
	for _, c := range r.waiting.takeProcess(key) {
		r.unreturned(c)
	}
}

// Flush tells the calls that have not returned yet.
func (r *Reporter) Flush() {
	for c := r.waiting.takeOldest(); c != nil; c = r.waiting.takeOldest() {
		r.unreturned(c)
	}
}

// Counts of what could not be told, or not as a whole, because too many calls were waiting for their returns.
type Counts struct {
	// ReturnsLost: calls that were told without what they returned.
	ReturnsLost uint64
	// Undecided: events that were lost, as the filters on what they returned matched only later.
	Undecided uint64
}

// Counts are the totals since the reporter was made.
func (r *Reporter) Counts() Counts { return r.counts }

// emit tells a call; of a process's mappings of a file the first.
func (r *Reporter) emit(c *call) {
	c.output.Event.Event = c.event()
	if l := c.output.Event.ProcessLoader; l != nil && r.repeatsMapping(c, l) {
		return
	}
	r.Table.Emit(c.output)
}
