// SPDX-License-Identifier: Apache-2.0

package render

import (
	"hash/maphash"
	"path"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/processes"
)

// containerTree is the tree of a container of a pod, or of what runs on a node outside of pods.
type containerTree struct {
	key                             string // processes.SourceKey
	namespace, pod, container, node string // raw
	top                             *treeProcess
	outside                         map[*processes.Process]*treeProcess
	seen                            processCount
	killed, running                 int
	titled                          bool // its title was shown among the live lines
}

// forest is what is drawn of the processes of all containers, bounded to limit processes. Which process an event is about says the
// table of processes; what it is called is taken from the events that are shown, since the table's were not redacted.
type forest struct {
	limit int
	every bool // nothing is folded
	size  int
	trees []*containerTree
	byKey map[string]*containerTree
	drawn map[*processes.Process]*treeProcess
	seed  maphash.Seed // texts are hostile: nobody may guess which of them collide
	// finished are complete processes in the order in which they became so: the first to go when there are too many.
	finished []*treeProcess
	gone     processCount // of containers that were dropped
}

func newForest(limit int, every bool) *forest {
	return &forest{limit: limit, every: every, seed: maphash.MakeSeed(), byKey: map[string]*containerTree{}, drawn: map[*processes.Process]*treeProcess{}}
}

// treeOf finds or begins the tree of a process.
func (f *forest) treeOf(p *event.Process, node string) *containerTree {
	key := processes.SourceKey(p, node)
	if s := f.byKey[key]; s != nil {
		return s
	}
	s := &containerTree{key: key, node: node, outside: map[*processes.Process]*treeProcess{}}
	if p.Pod != nil {
		s.namespace, s.pod = p.Pod.Namespace, p.Pod.Name
	}
	s.container = containerName(p)
	s.top = &treeProcess{origin: originTop, tree: s, depth: -1, drawnDepth: -1}
	f.byKey[key] = s
	f.trees = append(f.trees, s)
	return s
}

// known is the process of an event as it is drawn, nil when it is not yet: then, or when it moved into a container since.
func (f *forest) known(facts processes.Facts) *treeProcess {
	if old := f.drawn[facts.Reused]; facts.Reused != nil && old != nil && !old.exited { // we missed its exit
		f.end(old, outcome{unseen: true, lifetime: -1})
	}
	n := f.drawn[facts.Process]
	if n == nil || n.source != "" && n.source != facts.Source {
		return nil
	}
	n.source = facts.Source
	return n
}

// exec notes that a process runs a program. before is the one that it ran before, nil if none was seen.
func (f *forest) exec(it *pipeline.Item) (n *treeProcess, before *command) {
	p := it.Event.ProcessExec.Process
	n = f.known(it.Process)
	switch {
	case n == nil:
		n = f.addSubject(it, p, originExec)
	case !n.runs(it.Process, p):
		before = &command{n.binary, n.arguments}
		f.replace(n, p)
	case n.origin == originExisting: // known from an event of a relative that came first
		n.unfold()
		n.origin = originExec
		f.describe(n, p)
	}
	n.number, n.numberKnown, n.execID = it.Process.Program, true, ""
	return n, before
}

// exit notes that a process ended; known is false when nothing was shown of it before.
func (f *forest) exit(it *pipeline.Item) (n *treeProcess, known bool) {
	x := it.Event.ProcessExit
	n = f.known(it.Process)
	known = n != nil
	switch {
	case !known:
		n = f.addSubject(it, x.Process, originExisting)
	case !n.runs(it.Process, x.Process) && !n.exited: // we missed that it replaced its program
		f.replace(n, x.Process)
		n.number, n.numberKnown, n.execID = it.Process.Program, true, ""
	}
	if !n.exited {
		f.end(n, outcome{code: x.Status, signal: x.Signal, lifetime: it.Process.Lifetime})
	}
	return n, known
}

// acting is the process that another event is about; one that is not known was there before.
func (f *forest) acting(it *pipeline.Item) *treeProcess {
	n := f.known(it.Process) // with a program that it runs only now, too: its exec shows that
	if n == nil {
		n = f.addSubject(it, it.Event.Process(), originExisting)
	}
	n.unfold()
	return n
}

// addSubject adds the process of an event, below its parent in the same container. Ancestors that are missing are added from the
// records that the event brings along: processes of the container that were there before, up to one from outside as the root.
func (f *forest) addSubject(it *pipeline.Item, p *event.Process, o origin) *treeProcess {
	s := f.treeOf(p, it.Event.NodeName)
	subjects, _ := it.Event.Subjects()
	chain := *subjects.Ancestors
	if parent := *subjects.Parent; parent != nil {
		chain = append([]*event.Process{parent}, chain...)
	}
	n := f.add(s, f.graft(s, chain, it.Process.Process.Parent()), p, it.Process.Process, o)
	n.source, n.number, n.numberKnown, n.execID = it.Process.Source, it.Process.Program, true, ""
	return n
}

func (f *forest) add(s *containerTree, parent *treeProcess, p *event.Process, of *processes.Process, o origin) *treeProcess {
	n := &treeProcess{process: of, origin: o, tree: s, parent: parent, depth: parent.depth + 1}
	n.execID, n.repeats = p.ExecID, 1
	f.describe(n, p)
	flags := event.ParseFlags(p.Flags)
	n.forkOnly = flags&event.FlagClone != 0 && flags&(event.FlagExecve|event.FlagProcFS) == 0
	n.folded, n.drawnDepth = !f.every && n.foldable(), parent.below()
	f.reopen(parent)
	parent.children = append(parent.children, n)
	parent.unfinished++
	f.size++
	if o == originOutside {
		s.outside[of] = n
		return n
	}
	f.drawn[of] = n
	s.seen.processes++
	s.running++
	return n
}

// graft returns the first of chain (parent first), which is the process of, as one of the tree, adding it and what it hangs on.
func (f *forest) graft(s *containerTree, chain []*event.Process, of *processes.Process) *treeProcess {
	if of == nil {
		return s.top
	}
	if n := f.drawn[of]; n != nil && n.tree == s {
		return n
	}
	if n := s.outside[of]; n != nil {
		return n
	}
	if len(chain) == 0 || chain[0] == nil {
		return s.top
	}
	if processes.SourceKey(chain[0], s.node) != s.key {
		return f.outsider(s, chain, of)
	}
	return f.add(s, f.graft(s, chain[1:], of.Parent()), chain[0], of, originExisting)
}

// parentOf is the process below which the process of an event will be added, nil when it is not there yet.
func (f *forest) parentOf(it *pipeline.Item) *treeProcess {
	subjects, _ := it.Event.Subjects()
	parent, of := *subjects.Parent, it.Process.Process.Parent()
	s := f.byKey[processes.SourceKey(it.Event.Process(), it.Event.NodeName)]
	if s == nil || of == nil || parent == nil {
		return nil
	}
	if n := f.drawn[of]; n != nil && n.tree == s {
		return n
	}
	if processes.SourceKey(parent, s.node) != s.key {
		_, of = outermost(append([]*event.Process{parent}, *subjects.Ancestors...), of)
	}
	return s.outside[of]
}

// outsider is the root of what was started from outside of the container.
func (f *forest) outsider(s *containerTree, chain []*event.Process, of *processes.Process) *treeProcess {
	p, of := outermost(chain, of)
	if n := s.outside[of]; n != nil {
		return n
	}
	return f.add(s, s.top, p, of, originOutside)
}

// outermost is which of the processes outside of a container, parent first, stands for them.
func outermost(chain []*event.Process, of *processes.Process) (*event.Process, *processes.Process) {
	for i, up := 0, of; i < len(chain) && up != nil; i, up = i+1, up.Parent() {
		// runc lives only for the start: the shim stays, and is the parent of all that is started later
		if chain[i] != nil && isShim(chain[i].Binary) {
			return chain[i], up
		}
	}
	return chain[0], of
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
