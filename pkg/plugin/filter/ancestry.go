// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"container/list"
	"errors"
	"regexp"
	"slices"
	"sync"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// maxFollowed is how many program images are remembered as followed, about 200 bytes each; those that were not heard of for
// the longest time are forgotten first. A process whose parent matches by itself is recognised even so.
const maxFollowed = 1 << 16

// ancestry follows processes that match, through all programs that they run, and all that descend from them. It knows them
// from events only: who descends from a matching process over others that all ran before tracing began is not found.
type ancestry struct {
	patterns []*regexp.Regexp

	mu sync.Mutex
	// images are followed program images by exec_id, which no two nodes share.
	images recent[string]
	// running are followed processes, to recognise them when they replace their program.
	running recent[pidOnNode]
}

type pidOnNode struct {
	node string
	pid  uint32
}

// compileAncestors reads regular expressions on "binary" or "binary arguments".
func compileAncestors(v values) (compiled, error) {
	a := newAncestry(maxFollowed)
	var errs []error
	for _, value := range v.list {
		pattern, err := expression(value)
		if err != nil {
			errs = append(errs, v.wrong(value, err))
		}
		a.patterns = append(a.patterns, pattern)
	}
	return compiled{ancestry: a}, errors.Join(errs...)
}

func newAncestry(limit int) *ancestry {
	return &ancestry{images: newRecent[string](limit), running: newRecent[pidOnNode](limit)}
}

// has says whether the process of an event is followed, and remembers it.
func (a *ancestry) has(e *event.Event) bool {
	s, ok := e.Subjects()
	if !ok || *s.Process == nil {
		return false
	}
	p := *s.Process
	a.mu.Lock()
	defer a.mu.Unlock()
	key, known := pidOnNode{node: e.NodeName}, p.Pid != nil
	if known {
		key.pid = *p.Pid
	}
	followed := a.matches(p) || known && replaced(e) && a.running.has(key) || a.matches(*s.Parent) || slices.ContainsFunc(*s.Ancestors, a.matches)
	if followed {
		a.images.note(p.ExecID)
	}
	switch {
	case !known:
	case followed && e.ProcessExit == nil:
		a.running.note(key)
	case followed || e.ProcessExec != nil: // it ended, or somebody else has the PID now
		a.running.forget(key)
	}
	return followed
}

// replaced says whether a process runs another program now than when it was forked or executed last.
func replaced(e *event.Event) bool {
	return e.ProcessExec != nil && event.ParseFlags(e.ProcessExec.Process.Flags)&event.FlagClone == 0
}

// matches says whether a process is one to follow, is followed already, or was started by one that is.
func (a *ancestry) matches(p *event.Process) bool {
	if p == nil {
		return false
	}
	if a.images.has(p.ExecID) || a.images.has(p.ParentExecID) {
		return true
	}
	return slices.ContainsFunc(a.patterns, func(r *regexp.Regexp) bool {
		return r.MatchString(p.Binary) || p.Arguments != "" && r.MatchString(p.Binary+" "+p.Arguments)
	})
}

// recent is a set that forgets what was not asked for or noted for the longest time.
type recent[K comparable] struct {
	limit int
	order *list.List // of K, the latest first
	at    map[K]*list.Element
}

func newRecent[K comparable](limit int) recent[K] {
	return recent[K]{limit, list.New(), map[K]*list.Element{}}
}

func (r *recent[K]) has(key K) bool {
	at, found := r.at[key]
	if found {
		r.order.MoveToFront(at)
	}
	return found
}

// note adds a key; the zero value is none.
func (r *recent[K]) note(key K) {
	if key == *new(K) || r.has(key) {
		return
	}
	r.at[key] = r.order.PushFront(key)
	if r.order.Len() > r.limit {
		r.forget(r.order.Back().Value.(K))
	}
}

func (r *recent[K]) forget(key K) {
	if at, found := r.at[key]; found {
		r.order.Remove(at)
		delete(r.at, key)
	}
}
