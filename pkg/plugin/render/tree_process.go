// SPDX-License-Identifier: Apache-2.0

package render

import (
	"hash/maphash"
	"strings"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/processes"
)

// origin is how a process came to be known.
type origin int

const (
	originExec     origin = iota // its exec was seen
	originExisting               // it ran before tracing began, or is a fork without an exec: known from its relatives' events
	originOutside                // it is not in the container: the runtime's shim that starts the container's processes
	originTop                    // not a process: holds the roots of a container's tree
)

// treeProcess is how a tree draws one process, through all the programs that it runs.
type treeProcess struct {
	process *processes.Process // nil for originTop only
	// source is processes.Facts.Source of its events, empty until there is one.
	source string
	origin origin
	tree   *containerTree
	parent *treeProcess // nil for originTop only
	depth  int          // how many processes are above; -1 for originTop
	// children in the order of their start.
	children []*treeProcess
	shown    bool // a line of it was printed
	// folded: it has no line, and its children are drawn below its parent, see fold.go. drawnDepth is how many of the processes
	// above have lines.
	folded     bool
	drawnDepth int

	drawnProgram
	folding
}

// drawnProgram is the program of a process as it was shown last.
type drawnProgram struct {
	// number is processes.Facts.Program. It is not known as long as the process is known from its relatives' events only; then
	// execID says which program it is.
	number      int32
	numberKnown bool
	execID      string

	binary, arguments string   // raw, cut to maxText bytes
	earlier           []string // binaries of the programs that it replaced, oldest first, at most maxEarlier
	identity          uint64   // hash of the whole binary and arguments of all its programs
	forkOnly          bool     // it runs its parent's program: it was forked and has executed nothing yet
}

// folding is how a process ended, and what it stands for.
type folding struct {
	exited  bool
	outcome outcome
	// complete: exited, and so are all descendants; unfinished is how many children are not complete.
	complete   bool
	unfinished int
	removed    bool

	// repeats is how many equal processes this one stands for, itself included; longest is the lifetime of the longest.
	repeats int
	longest time.Duration
	groups  map[uint64]*group // complete children by signature
	often   map[uint64]*group // those with members that are counted only, by identity: the last that got one
	// signature is equal for complete processes that look the same, subtrees included.
	signature uint64
	gone      processCount // descendants that were dropped to bound memory
}

// outcome is how a process ended.
type outcome struct {
	code     uint32
	signal   string
	lifetime time.Duration // negative: not known
	unseen   bool          // its exit was lost
}

func (o outcome) failed() bool { return o.code != 0 || o.signal != "" }

// processCount counts processes.
type processCount struct{ processes, failed int }

func (t *processCount) add(o processCount) {
	t.processes += o.processes
	t.failed += o.failed
}

const (
	maxText    = 256
	maxEarlier = 8
)

// within says that n is a or one of its descendants.
func (n *treeProcess) within(a *treeProcess) bool {
	for n.depth > a.depth {
		n = n.parent
	}
	return n == a
}

// runs says whether a process is shown with the program that an event's record is of.
func (n *treeProcess) runs(f processes.Facts, r *event.Process) bool {
	if n.numberKnown {
		return n.number == f.Program
	}
	return n.execID == r.ExecID
}

// describe takes over what program a process runs.
func (f *forest) describe(n *treeProcess, p *event.Process) {
	n.binary, n.arguments = cut(p.Binary), cut(p.Arguments)
	n.identity = f.identify(n.identity, p)
}

// identify is the identity of a process that runs a program after those of another identity, 0 for none.
func (f *forest) identify(before uint64, p *event.Process) uint64 {
	var h maphash.Hash
	h.SetSeed(f.seed)
	maphash.WriteComparable(&h, before)
	maphash.WriteComparable(&h, p.Binary)
	maphash.WriteComparable(&h, p.Arguments)
	return h.Sum64()
}

func (f *forest) replace(n *treeProcess, p *event.Process) {
	n.unfold()
	if len(n.earlier) < maxEarlier && (f.every || !command{n.binary, n.arguments}.findsInterpreter(p)) {
		n.earlier = append(n.earlier, n.binary)
	}
	f.describe(n, p)
	n.origin, n.forkOnly = originExec, false
}

func cut(s string) string {
	if len(s) <= maxText {
		return s
	}
	return strings.Clone(s[:maxText]) + " ..."
}
