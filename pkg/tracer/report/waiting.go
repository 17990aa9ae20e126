// SPDX-License-Identifier: Apache-2.0

//go:build linux

package report

import (
	"container/list"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/hook"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/kernel"
)

// maxWaiting is how many bytes the calls may take that wait for their returns: a quarter of the memory that a tracer has.
const maxWaiting = 64 << 20

// waitingKey names a call that waits: a thread has one at a time for each function of a hook and depth, which is how many calls around
// it wait too.
type waitingKey struct {
	hook, function, tid, depth uint32
}

// waitingKey of a record's call. Functions of which one program sees all are not told apart: their calls are counted together.
func (s *served) waitingKey(r *hook.Record) waitingKey {
	key := waitingKey{hook: r.Hook, function: r.Function, tid: r.Tid, depth: r.Depth}
	if s.together {
		key.function = 0
	}
	return key
}

// waiting are calls whose return has not been told.
type waiting struct {
	most, bytes int
	calls       map[waitingKey]*waiter
	byAge       *list.List // of *waiter, the oldest first
	byProcess   map[kernel.Key][]*waiter
}

type waiter struct {
	key  waitingKey
	call *call
	age  *list.Element
	// index among those of its process.
	index int
	// bytes that it takes.
	bytes int
}

func newWaiting(most int) waiting {
	return waiting{most: most, calls: map[waitingKey]*waiter{}, byAge: list.New(), byProcess: map[kernel.Key][]*waiter{}}
}

// find returns the call under a key, nil if there is none.
func (w *waiting) find(key waitingKey) *call {
	if found := w.calls[key]; found != nil {
		return found.call
	}
	return nil
}

// add keeps a call; none may be there under its key. If they take too much room then, the oldest are returned and wait no longer.
func (w *waiting) add(key waitingKey, c *call) (oldest []*call) {
	of := w.byProcess[c.process]
	one := &waiter{key: key, call: c, index: len(of), bytes: c.bytes}
	one.age = w.byAge.PushBack(one)
	w.calls[key] = one
	w.byProcess[c.process] = append(of, one)
	for w.bytes += one.bytes; w.bytes > w.most; {
		oldest = append(oldest, w.takeOldest())
	}
	return oldest
}

// take removes the call under a key and returns it, nil if there is none.
func (w *waiting) take(key waitingKey) *call {
	one := w.calls[key]
	if one == nil {
		return nil
	}
	delete(w.calls, key)
	w.bytes -= one.bytes
	w.byAge.Remove(one.age)
	process := one.call.process
	of := w.byProcess[process]
	last := of[len(of)-1]
	last.index, of[one.index] = one.index, last
	of[len(of)-1] = nil
	if of = of[:len(of)-1]; len(of) == 0 {
		delete(w.byProcess, process)
	} else {
		w.byProcess[process] = of
	}
	return one.call
}

// takeOldest removes the call that has waited longest and returns it, nil if none waits.
func (w *waiting) takeOldest() *call {
	oldest := w.byAge.Front()
	if oldest == nil {
		return nil
	}
	return w.take(oldest.Value.(*waiter).key)
}

// takeProcess removes the calls of a process and returns them.
func (w *waiting) takeProcess(process kernel.Key) (calls []*call) {
	for of := w.byProcess[process]; len(of) > 0; of = w.byProcess[process] {
		calls = append(calls, w.take(of[0].key))
	}
	return calls
}
