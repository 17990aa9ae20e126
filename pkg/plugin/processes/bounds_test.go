// SPDX-License-Identifier: Apache-2.0

package processes

import (
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// budgetFor is one for exactly so many processes of one table of node n, beyond what is reserved.
func budgetFor(processes int) *Budget {
	return NewBudget(processes*processBytes + sourceBytes + len("node n "))
}

func remembered(t *Table) int { return t.running.Len() + t.exited.Len() }

// Those that ended go first, the longest unheard of before the others; then those that run, in the same order.
func TestWhatIsForgotten(t *testing.T) {
	const room = 100
	const most = room + ReservedBytes/processBytes
	table := NewTable("n", budgetFor(room))
	defer table.Close()
	name := func(i int) *event.Process { return record(fmt.Sprint(i), "", uint32(i+10), first, i) }
	knows := func(i int) bool { return table.byExec[table.hash(fmt.Sprint(i))] != nil }
	for i := range most {
		table.Observe(execOf(name(i)))
	}
	for i := range most / 2 { // half of them end, the last first
		table.Observe(exitOf(1000, name(most-1-i)))
	}
	table.Observe(callOf(name(most - 1))) // somebody heard of it again
	if remembered(table) != most || table.exited.Len() != most/2 {
		t.Fatalf("%d processes, want %d", remembered(table), most)
	}
	next := most
	more := func(n int) {
		for range n {
			table.Observe(execOf(name(next)))
			next++
		}
	}
	more(most/2 - 1)
	if remembered(table) != most || table.exited.Len() != 1 || !knows(most-1) || knows(most-2) || !knows(0) {
		t.Errorf("of those that ended %d are left, want only the one that was heard of", table.exited.Len())
	}
	table.Observe(callOf(name(0)))
	more(most / 2)
	if remembered(table) != most || table.exited.Len() != 0 || !knows(0) || knows(1) || !knows(next-1) {
		t.Errorf("%d processes; the oldest that runs: %t, the next: %t", remembered(table), knows(0), knows(1))
	}
	f := table.Observe(callOf(name(1)))
	if f.Known || !knows(1) {
		t.Errorf("one that was forgotten: %+v", f)
	}
	check(t, table)
}

// A chain in which each starts the next and ends is not remembered by its last.
func TestForgottenAncestorsAreFree(t *testing.T) {
	table := NewTable("n", budgetFor(0))
	defer table.Close()
	parent := record("0", "", 1, first, 0)
	var last *Process
	for i := 1; i < 5000; i++ {
		r := record(fmt.Sprint(i), parent.ExecID, uint32(i+1), first, i)
		last = table.Observe(execOf(r, parent)).Process
		table.Observe(exitOf(i, parent))
		parent = r
	}
	steps := 0
	for p := last; p != nil; p = p.Parent() {
		steps++
	}
	if want := ReservedBytes / processBytes; remembered(table) > want || steps > want+1 {
		t.Errorf("%d processes are remembered, the last has %d ancestors", remembered(table), steps)
	}
	check(t, table)
}

// Tables of one session keep to one budget together, and the memory of a table that is closed is the others'.
func TestBudgetIsShared(t *testing.T) {
	const room = 1000
	budget := NewBudget(room * processBytes)
	busy, late := NewTable("n", budget), NewTable("n2", budget)
	fill := func(t *Table, from, n int) {
		for i := from; i < from+n; i++ {
			t.Observe(execOf(record(fmt.Sprint(i), "", uint32(i+1), first, i)))
		}
	}
	const reserved = ReservedBytes / processBytes
	fill(busy, 0, 2*room)
	if n := remembered(busy); n < room+reserved-1 || n > room+reserved {
		t.Fatalf("the busy one remembers %d", n)
	}
	fill(late, 0, 2*room)
	if n := remembered(late); n < reserved-1 || n > reserved {
		t.Errorf("the late one remembers %d while the other is full and silent", n)
	}
	fill(busy, 2*room, 1) // it hears that another one starves
	fill(late, 2*room, 2*room)
	if n, b := remembered(late), remembered(busy); n < room/2+reserved-2 || n > room/2+reserved || b != n && b != n+1 && b != n-1 {
		t.Errorf("the busy one remembers %d, the late one %d", b, n)
	}
	busy.Close()
	fill(late, 4*room, 2*room)
	if n := remembered(late); n < room+reserved-1 {
		t.Errorf("alone again it remembers %d", n)
	}
	late.Close()
	if used, tables := budget.used.Load(), budget.tables.Load(); used != 0 || tables != 0 {
		t.Errorf("after all %d bytes and %d tables are left", used, tables)
	}
}

// What tables of several goroutines take together stays within the budget.
func TestBudgetOfManyGoroutines(t *testing.T) {
	const nodes = 8
	budget := NewBudget(200 * processBytes)
	var all sync.WaitGroup
	tables := make([]*Table, nodes)
	for n := range nodes {
		tables[n] = NewTable(fmt.Sprint(n), budget)
		all.Go(func() {
			for i := range 3000 {
				tables[n].Observe(execOf(record(fmt.Sprint(i), fmt.Sprint(i-1), uint32(i+1), first, i)))
			}
		})
	}
	all.Wait()
	total := int64(0)
	for _, table := range tables {
		check(t, table)
		total += table.shared()
	}
	if total != budget.used.Load() || total > budget.limit {
		t.Errorf("%d bytes beyond the reserves, %d counted, %d allowed", total, budget.used.Load(), budget.limit)
	}
}

func TestSlots(t *testing.T) {
	table := newTestTable()
	p := table.Observe(execOf(record("a", "", 2, first, 1))).Process
	mark, other := NewSlot[bool](), NewSlot[bool]()
	before := table.bytes
	mark.Set(p, true, 100)
	mark.Set(p, true, 7)
	if v, ok := mark.Get(p); !v || !ok || table.bytes != before+7+noteBytes {
		t.Errorf("set: %t, %t, %d bytes", v, ok, table.bytes-before)
	}
	if _, ok := other.Get(p); ok {
		t.Error("two slots are one")
	}
	check(t, table)
	mark.Clear(p)
	if _, ok := mark.Get(p); ok || table.bytes != before {
		t.Errorf("cleared: %d bytes", table.bytes-before)
	}
	mark.Set(p, true, 100)
	table.Close()
	mark.Set(p, true, 100)
	if _, ok := mark.Get(p); ok || table.bytes != 0 {
		t.Errorf("of one that was forgotten: %t, %d bytes", ok, table.bytes)
	}
	mark.Set(nil, true, 1)
	if _, ok := mark.Get(nil); ok {
		t.Error("of no process")
	}
}

// What is charged is what is taken.
func TestBytes(t *testing.T) {
	const count = 50000
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	for name, c := range map[string]struct {
		charged int
		fill    func(*Table, int)
	}{
		"processes": {processBytes, func(table *Table, i int) {
			table.Observe(execOf(record(fmt.Sprint(i), "", uint32(i+1), first, 0)))
		}},
		"forgotten parents": {processBytes, func(table *Table, i int) {
			parent := record(fmt.Sprint(i), "", uint32(count+i+1), first, 0)
			table.Observe(execOf(record(fmt.Sprint("child", i), fmt.Sprint(i), uint32(i+1), first, 0), parent))
			table.forget(table.byExec[table.hash(parent.ExecID)])
		}},
		"exec_ids": {processBytes + (mostExecs-1)*execBytes, func(table *Table, i int) {
			for program := range 2 * mostExecs {
				table.Observe(execOf(record(fmt.Sprint(i, program), "", uint32(i+1), replaced, 0)))
			}
		}},
		"containers": {processBytes + sourceBytes + len("node n 1234567890123456789012345678901"), func(table *Table, i int) {
			table.Observe(execOf(within(record(fmt.Sprint(i), "", uint32(i+1), first, 0), fmt.Sprintf("%031d", i))))
		}},
		"notes": {processBytes + noteBytes + 8, func(table *Table, i int) {
			NewSlot[uint64]().Set(table.Observe(execOf(record(fmt.Sprint(i), "", uint32(i+1), first, 0))).Process, 1<<40, 8)
		}},
	} {
		table := NewTable("n", NewBudget(1<<30))
		before := heap()
		for i := range count {
			c.fill(table, i)
		}
		taken := int(heap()-before) / count
		if want := table.bytes / count; taken > want || taken < want/3 || want != c.charged {
			t.Errorf("%s: %d bytes each, %d are charged, want %d", name, taken, want, c.charged)
		}
		table.Close()
	}
}
