// SPDX-License-Identifier: Apache-2.0

package render

import (
	"hash/maphash"
	"path"
	"strings"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// origin is how a process came to be known.
type origin int

const (
	originExec     origin = iota // its exec was seen
	originExisting               // it ran before tracing began, or is a fork without an exec: known from its relatives' events
	originOutside                // it is not in the container: the runtime's shim that starts the container's processes
	originTop                    // not a process: holds the roots of a source
)

// process is one process of a tree, through all the programs that it runs.
type process struct {
	ids    []string // exec_ids; more than one when it replaced its program
	pid    uint32
	origin origin
	source *source
	parent *process // nil for originTop only
	depth  int      // how many processes are above; -1 for originTop
	// children in the order of their start.
	children []*process

	binary, arguments string   // raw, cut to maxText bytes
	earlier           []string // binaries of the programs that it replaced, oldest first, at most maxEarlier
	identity          uint64   // hash of the whole binary and arguments of all its programs
	started           time.Time
	forkOnly          bool // it runs its parent's program: it was forked and has executed nothing yet

	exited  bool
	outcome outcome
	// complete: exited, and so are all descendants; unfinished is how many children are not complete.
	complete   bool
	unfinished int
	removed    bool
	shown      bool // a line of it was printed

	// repeats is how many equal processes this one stands for, itself included; longest is the lifetime of the longest.
	repeats int
	longest time.Duration
	groups  map[uint64]*group // complete children by signature
	// signature is equal for complete processes that look the same, subtrees included.
	signature uint64
	gone      tally // descendants that were dropped to bound memory
}

// outcome is how a process ended.
type outcome struct {
	code     uint32
	signal   string
	lifetime time.Duration // negative: not known
	unseen   bool          // its exit was lost
}

func (o outcome) failed() bool { return o.code != 0 || o.signal != "" }

// tally counts processes.
type tally struct{ processes, failed int }

func (t *tally) add(o tally) {
	t.processes += o.processes
	t.failed += o.failed
}

const (
	maxText    = 256
	maxEarlier = 8
)

// source is a container of a pod, or what runs on a node outside of pods.
type source struct {
	key                             string
	namespace, pod, container, node string // raw
	top                             *process
	outside                         map[string]*process // by exec_id
	seen                            tally
	killed, running                 int
}

type pidKey struct {
	node string
	pid  uint32
}

// forest is what is known of the processes of all sources, bounded to limit processes.
type forest struct {
	limit   int
	size    int
	sources []*source
	byKey   map[string]*source
	byExec  map[string]*process
	byPid   map[pidKey]*process // running ones
	seed    maphash.Seed        // texts are hostile: nobody may guess which of them collide
	// finished are complete processes in the order in which they became so: the first to go when there are too many.
	finished []*process
	gone     tally // of sources that were dropped
}

func newForest(limit int) *forest {
	return &forest{
		limit: limit, seed: maphash.MakeSeed(),
		byKey: map[string]*source{}, byExec: map[string]*process{}, byPid: map[pidKey]*process{},
	}
}

// sourceOf finds or begins the source of a process.
func (f *forest) sourceOf(p *event.Process, node string) *source {
	key := sourceKey(p, node)
	if s := f.byKey[key]; s != nil {
		return s
	}
	s := &source{key: key, node: node, outside: map[string]*process{}}
	if p.Pod != nil {
		s.namespace, s.pod = p.Pod.Namespace, p.Pod.Name
	}
	s.container = containerName(p)
	s.top = &process{origin: originTop, source: s, depth: -1}
	f.byKey[key] = s
	f.sources = append(f.sources, s)
	return s
}

// sourceKey tells sources apart: by container where there is one, so that a pod's containers have trees of their own.
func sourceKey(p *event.Process, node string) string {
	key := "node " + node
	if p.Pod != nil {
		key = "pod " + p.Pod.UID + " " + p.Pod.Namespace + "/" + p.Pod.Name
	}
	return key + " " + p.Docker
}

// exec notes that a process runs a program. replaced says that it ran another one before.
func (f *forest) exec(e *event.Event) (n *process, replaced bool) {
	p := e.ProcessExec.Process
	if n := f.byExec[p.ExecID]; n != nil { // known from an event of a relative that came first
		if n.origin == originExisting {
			n.origin = originExec
			f.describe(n, p)
		}
		return n, false
	}
	s := f.sourceOf(p, e.NodeName)
	if old := f.running(s, p); old != nil {
		if old.forkOnly || event.ParseFlags(p.Flags)&event.FlagClone == 0 {
			f.replace(old, p)
			return old, true
		}
		f.end(old, outcome{unseen: true, lifetime: -1}) // the pid was given out again: we missed an exit
	}
	n = f.add(s, f.parentOf(e, s), p, originExec)
	return n, false
}

// exit notes that a process ended; known is false when nothing was shown of it before.
func (f *forest) exit(e *event.Event) (n *process, known bool) {
	x := e.ProcessExit
	n = f.byExec[x.Process.ExecID]
	known = n != nil
	if !known {
		s := f.sourceOf(x.Process, e.NodeName)
		if old := f.running(s, x.Process); old != nil { // we missed that it replaced its program
			f.replace(old, x.Process)
			f.end(old, outcome{code: x.Status, signal: x.Signal, lifetime: lifetime(e)})
			return old, true
		}
		n = f.add(s, f.parentOf(e, s), x.Process, originExisting)
	}
	if !n.exited {
		f.end(n, outcome{code: x.Status, signal: x.Signal, lifetime: lifetime(e)})
	}
	return n, known
}

// running is the process with that pid in a source, nil when there is none or the pid is not known.
func (f *forest) running(s *source, p *event.Process) *process {
	if n := f.byPid[pidKey{s.node, pidOf(p)}]; n != nil && n.source == s {
		return n
	}
	return nil
}

// acting is the process that another event is about; one that is not known was there before.
func (f *forest) acting(e *event.Event) *process {
	p := e.Process()
	if p.ExecID == "" { // one process stands for all of the source of which nothing is known
		unknown := *p
		unknown.ExecID = "of " + sourceKey(p, e.NodeName)
		p = &unknown
	}
	if n := f.byExec[p.ExecID]; n != nil {
		return n
	}
	s := f.sourceOf(p, e.NodeName)
	if n := f.running(s, p); n != nil { // we missed that it replaced its program, or it is about to
		return n
	}
	return f.add(s, f.parentOf(e, s), p, originExisting)
}

func (f *forest) add(s *source, parent *process, p *event.Process, o origin) *process {
	n := &process{origin: o, source: s, parent: parent, depth: parent.depth + 1, pid: pidOf(p), repeats: 1}
	f.describe(n, p)
	flags := event.ParseFlags(p.Flags)
	n.forkOnly = flags&event.FlagClone != 0 && flags&(event.FlagExecve|event.FlagProcFS) == 0
	if p.StartTime != nil {
		n.started = p.StartTime.Time
	}
	f.reopen(parent)
	parent.children = append(parent.children, n)
	parent.unfinished++
	f.name(n, p.ExecID)
	f.size++
	if o != originOutside {
		if n.pid != 0 {
			f.byPid[pidKey{s.node, n.pid}] = n
		}
		s.seen.processes++
		s.running++
	}
	return n
}

// describe takes over what program a process runs.
func (f *forest) describe(n *process, p *event.Process) {
	n.binary, n.arguments = cut(p.Binary), cut(p.Arguments)
	var h maphash.Hash
	h.SetSeed(f.seed)
	maphash.WriteComparable(&h, n.identity)
	maphash.WriteComparable(&h, p.Binary)
	maphash.WriteComparable(&h, p.Arguments)
	n.identity = h.Sum64()
}

func (f *forest) replace(n *process, p *event.Process) {
	if len(n.earlier) < maxEarlier {
		n.earlier = append(n.earlier, n.binary)
	}
	f.describe(n, p)
	n.origin, n.forkOnly = originExec, false
	f.name(n, p.ExecID)
}

// name makes a process known by an exec_id too; of a process that replaces its program again and again, the last ones.
func (f *forest) name(n *process, id string) {
	if id == "" {
		return
	}
	if len(n.ids) == maxEarlier {
		delete(f.byExec, n.ids[1])
		n.ids = append(n.ids[:1], n.ids[2:]...)
	}
	n.ids = append(n.ids, id)
	f.byExec[id] = n
}

// parentOf finds the parent of an event's process in its source; what is missing is added from the records that the event
// brings along: processes of the container that were there before, up to one from outside as the root.
func (f *forest) parentOf(e *event.Event, s *source) *process {
	subjects, _ := e.Subjects()
	p := *subjects.Process
	if n := f.byExec[p.ParentExecID]; n != nil && n.source == s && n.origin != originOutside {
		return n
	}
	chain := *subjects.Ancestors
	if parent := *subjects.Parent; parent != nil {
		chain = append([]*event.Process{parent}, chain...)
	}
	return f.graft(s, e.NodeName, chain)
}

// graft returns the first of chain (parent first) as a process of the source, adding it and what it hangs on.
func (f *forest) graft(s *source, node string, chain []*event.Process) *process {
	if len(chain) == 0 || chain[0] == nil {
		return s.top
	}
	p := chain[0]
	if n := f.byExec[p.ExecID]; n != nil && n.source == s && n.origin != originOutside {
		return n
	}
	if sourceKey(p, node) != s.key {
		return f.outsider(s, chain)
	}
	if n := f.byExec[p.ParentExecID]; n != nil && n.source == s { // a fork without an exec (a subshell)
		return f.add(s, n, p, originExisting)
	}
	return f.add(s, f.graft(s, node, chain[1:]), p, originExisting)
}

// outsider is the root of what was started from outside of the container.
func (f *forest) outsider(s *source, chain []*event.Process) *process {
	p := chain[0]
	for _, ancestor := range chain {
		// runc lives only for the start: the shim stays, and is the parent of all that is started later
		if ancestor != nil && isShim(ancestor.Binary) {
			p = ancestor
			break
		}
	}
	if n := s.outside[p.ExecID]; n != nil {
		return n
	}
	n := f.add(s, s.top, p, originOutside)
	s.outside[p.ExecID] = n
	return n
}

// shims are the programs that container runtimes leave behind as the parent of a container's processes.
var shims = [...]string{"containerd-shim", "docker-containerd-shim", "conmon", "kata-shim"}

func isShim(binary string) bool {
	for _, s := range shims {
		if strings.HasPrefix(path.Base(binary), s) {
			return true
		}
	}
	return false
}

func pidOf(p *event.Process) uint32 {
	if p.Pid == nil {
		return 0
	}
	return *p.Pid
}

func cut(s string) string {
	if len(s) <= maxText {
		return s
	}
	return strings.Clone(s[:maxText]) + " ..."
}

// within says that n is a or one of its descendants.
func (n *process) within(a *process) bool {
	for n.depth > a.depth {
		n = n.parent
	}
	return n == a
}
