// SPDX-License-Identifier: Apache-2.0

package processes

import (
	"fmt"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// hostile makes records of what a fuzzer writes: few exec_ids and pids, so that they collide, cycles of parents, and now and then
// a record again.
type hostile struct {
	bytes   []byte
	records []*event.Process
	many    []*event.Process
}

func newHostile(bytes []byte) *hostile {
	h := &hostile{bytes: bytes[:min(len(bytes), 4096)]}
	for i := range 2 * mostAncestors {
		h.many = append(h.many, record(fmt.Sprint("up", i), fmt.Sprint("up", i+1), uint32(1000+i), first, 0))
	}
	return h
}

func (h *hostile) next() int {
	if len(h.bytes) == 0 {
		return 0
	}
	b := h.bytes[0]
	h.bytes = h.bytes[1:]
	return int(b)
}

func (h *hostile) record() *event.Process {
	kind := h.next()
	switch {
	case kind == 0:
		return nil
	case kind < 40 && len(h.records) > 0:
		return h.records[kind%len(h.records)]
	}
	exec := func(n int) string {
		if n%16 == 0 {
			return ""
		}
		return fmt.Sprint(n)
	}
	flags := [...]string{"", forked, first, replaced, existing, "unknown"}[kind%6]
	r := record(exec(h.next()), exec(h.next()), uint32(h.next()), flags, h.next())
	if kind%5 == 0 {
		r.StartTime = nil
	}
	if kind%7 == 0 {
		r.Docker = fmt.Sprint(kind)
	}
	h.records = append(h.records, r)
	return r
}

func (h *hostile) event() *event.Event {
	kind := h.next()
	r, parent := h.record(), h.record()
	relatives := []*event.Process{parent}
	for range h.next() % 8 {
		relatives = append(relatives, h.record())
	}
	if kind%32 == 31 { // more ancestors than any process has
		relatives = append(relatives, h.many...)
	}
	switch kind % 4 {
	case 0, 1:
		return execOf(r, relatives...)
	case 2:
		return exitOf(h.next(), r, relatives...)
	}
	return callOf(r, relatives...)
}

// Whatever a node tells, the table comes to an end, keeps to its bound, and is not at odds with itself.
func FuzzObserve(f *testing.F) {
	f.Add([]byte("\x00\x41\x01\x02\x03\x04\x00\x00"))
	f.Add([]byte("\x00\x29\x01\x02\x03\x04\x2a\x02\x01\x03\x04\x02\x29\x01\x02\x03\x04\x2a\x02\x01\x03\x04"))
	f.Add([]byte("\x1f\x29\x01\x02\x03\x04\x2a\x02\x01\x03\x04\x00\x3f\x29\x01\x02\x03\x04\x2a\x02\x01\x03\x04\x02"))
	f.Fuzz(func(t *testing.T, bytes []byte) {
		const limit = 20 * processBytes
		table, mark := NewTable("n", NewBudget(limit)), NewSlot[int]()
		h := newHostile(bytes)
		for len(h.bytes) > 0 {
			e := h.event()
			facts := table.Observe(e)
			if e.Process() == nil {
				if facts != (Facts{Lifetime: -1}) {
					t.Fatalf("an event about no process: %+v", facts)
				}
				continue
			}
			if facts.Process == nil || facts.Process.position == nil || facts.Known && facts.Reused != nil || facts.Process == facts.Reused {
				t.Fatalf("%+v", facts)
			}
			if table.bytes > limit+ReservedBytes {
				t.Fatalf("%d bytes, %d processes", table.bytes, remembered(table))
			}
			if len(h.bytes)%3 == 0 {
				mark.Set(facts.Process, 1, 10)
			}
		}
		check(t, table)
		table.Close()
		if table.bytes != 0 || table.budget.used.Load() != 0 || len(table.byExec)+len(table.byPID)+len(table.sources)+remembered(table) != 0 {
			t.Fatalf("after its end: %d bytes", table.bytes)
		}
	})
}
