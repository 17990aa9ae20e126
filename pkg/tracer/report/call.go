// SPDX-License-Identifier: Apache-2.0

//go:build linux

package report

import (
	"slices"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/hook"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/kernel"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/plan"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/process"
)

// Why an argument is not there; hook.ErrorRoom is another reason.
const (
	errorNoReturn = "the return of the call was not seen"
	errorNoEntry  = "the entry of the call was not told"
)

// callBytes is what a call takes beside its arguments, with its event and its process: measured, rounded up.
const callBytes = 2 << 10

// frameBytes is what a frame of a stack takes with its symbol.
const frameBytes = 128

// call is one call of a function as far as it has been told.
type call struct {
	// bytes that it takes about, while it waits.
	bytes   int
	of      *served
	process kernel.Key
	entered uint64
	// stages that were told.
	stages   uint32
	number   uint32
	function string
	selector int32

	arguments, data []event.Argument
	result          *event.Argument
	seen            uint32 // places, by bit

	done, doneAtReturn, would uint32
	kernelStack, userStack    []event.StackTraceEntry
	hash                      string
	// pid of the process where the tracer is; 0 if it has none there.
	pid uint32
	// inode of the file that is mapped; readsBuildID: the kernel reads its build id.
	inode        uint64
	readsBuildID bool

	// output has the process as it was when the call was first told of; its event is set at last.
	output process.Output
}

// call begins one with its first record. It is good until the next call begins.
func (r *Reporter) call(h *served, record *hook.Record) *call {
	key := kernel.Key(record.Header.Process)
	c := &r.current
	*c = call{
		of: h, process: key, pid: record.TracerNamespacePid, entered: record.Entered, selector: record.Selector, number: record.Function,
		function:  h.function(record.Function, record.Flags&hook.RecordCompat != 0, &r.names),
		arguments: make([]event.Argument, h.arguments),
		bytes:     callBytes + int(record.ArgumentLength) + (len(record.KernelStack)+len(record.UserStack))*frameBytes,
		output:    r.Table.Acting(key, record.Header.Cgroup, record.Tid, event.Event{}),
	}
	if h.data > 0 {
		c.data = make([]event.Argument, h.data)
	}
	c.output.Event.Time = r.Table.Clock.At(record.Entered)
	r.complete(c, record)
	return c
}

// complete adds what a record tells.
func (r *Reporter) complete(c *call, record *hook.Record) {
	c.stages |= record.Stage
	c.would |= record.Would
	if record.Stage&hook.StageEntry != 0 {
		c.done |= record.Done
	}
	if record.Stage&hook.StageReturn != 0 {
		c.doneAtReturn |= record.Done
		c.selector = record.Selector // of several that matched at the entry the one that matched now too
	}
	for i := range record.Arguments {
		a := &record.Arguments[i]
		p := &c.of.places[a.Place]
		if c.of.hook.Kind == policy.Loader {
			c.mappedInode(a)
		}
		if to := c.slot(p); to != nil {
			c.seen |= 1 << a.Place
			p.value.Set(to, a, &r.machine)
			to.Label = p.label
		}
	}
	r.addStacks(c, record)
	if len(record.Hash) > 0 {
		c.hash = hashText(record.HashAlgorithm, record.Hash)
	}
}

// slot is where the argument in a place is shown; nil for nowhere.
func (c *call) slot(p *place) *event.Argument {
	switch p.role {
	case plan.Argument:
		return &c.arguments[p.slot]
	case plan.Data:
		return &c.data[p.slot]
	case plan.Result:
		if c.result == nil {
			c.result = &event.Argument{}
		}
		return c.result
	}
	return nil
}

// frames are a user stack as far as it can be followed: without frame pointers the kernel soon finds nothing.
func frames(stack []uint64) []uint64 {
	if end := slices.Index(stack, 0); end > 0 {
		return stack[:end]
	}
	return stack
}

func (r *Reporter) addStacks(c *call, record *hook.Record) {
	if len(record.KernelStack)+len(record.UserStack) == 0 {
		return
	}
	symbols := r.Symbols
	if symbols == nil {
		symbols = bare{}
	}
	if len(record.KernelStack) > 0 {
		c.kernelStack = symbols.Kernel(record.KernelStack)
	}
	if len(record.UserStack) > 0 {
		c.userStack = symbols.User(record.TracerNamespacePid, frames(record.UserStack))
	}
}

// bare is the Symbolizer without any symbols. It shows no addresses of the kernel, which give its layout away.
type bare struct{}

func (bare) Kernel(addresses []uint64) []event.StackTraceEntry {
	return make([]event.StackTraceEntry, len(addresses))
}

func (bare) User(_ uint32, addresses []uint64) []event.StackTraceEntry {
	stack := make([]event.StackTraceEntry, len(addresses))
	for i, address := range addresses {
		stack[i].Address = address
	}
	return stack
}

// markUnseen has everything that was not told say why; but a call that has not returned has no result.
func (c *call) markUnseen() {
	for i := range c.of.places {
		p := &c.of.places[i]
		if c.seen&(1<<i) != 0 || p.role == plan.Hidden {
			continue
		}
		why := hook.ErrorRoom
		switch {
		case p.atReturn && c.stages&hook.StageReturn == 0:
			why = errorNoReturn
		case !p.atReturn && c.stages&hook.StageEntry == 0:
			why = errorNoEntry
		}
		if p.role == plan.Result && why == errorNoReturn {
			continue
		}
		to := c.slot(p)
		hook.Fail(to, why)
		to.Label = p.label
	}
}

// event is what the call is told as.
func (c *call) event() event.Event {
	c.markUnseen()
	e := event.Event{Time: c.output.Event.Time}
	c.of.body(c, &e)
	return e
}

// hooked is what the events of all hooks have.
func (c *call) hooked() event.Hooked {
	return event.Hooked{
		Args: c.arguments, Data: c.data, Action: c.action(), Handling: c.handling(),
		PolicyName: c.of.policy.Name, Message: c.of.hook.Message, Tags: c.of.hook.Tags,
	}
}

func (c *call) handling() event.Handling {
	h := event.Handling{Via: c.of.way.Via, Would: namesOfActions(c.would)}
	if s := c.of.selector(c.selector); s != nil {
		h.SelectorLabel = s.Label
		askedOutside(s.Actions, &h)
		if c.stages&hook.StageReturn != 0 {
			askedOutside(s.ReturnActions, &h)
		}
	}
	return h
}
