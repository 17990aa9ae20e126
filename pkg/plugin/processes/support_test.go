// SPDX-License-Identifier: Apache-2.0

package processes

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

func number(i int) string { return strconv.Itoa(i) }

// describe is facts in words; letters has the names of processes by the order in which they came.
func describe(f Facts, letters map[*Process]string) string {
	if letters[f.Process] == "" {
		letters[f.Process] = string(rune('A' + len(letters)))
	}
	text := letters[f.Process]
	if !f.Known {
		text += " new"
	}
	if f.ParentFound {
		text += " parent"
	}
	if f.Program > 0 {
		text += fmt.Sprint(" program ", f.Program)
	}
	if container, ok := strings.CutPrefix(f.Source, "node n "); ok && container != "" {
		text += " in " + container
	}
	if f.Reused != nil {
		text += " reused " + letters[f.Reused]
	}
	if f.Exited {
		text += " exited"
	}
	if f.Lifetime >= 0 {
		text += fmt.Sprint(" ", f.Lifetime)
	}
	return text
}

// pids are those of a process and its ancestors.
func pids(p *Process) string {
	var all []string
	for ; p != nil && len(all) < 10; p = p.Parent() {
		all = append(all, fmt.Sprint(p.PID))
	}
	return strings.Join(all, " ")
}

// check compares what a table keeps in several places.
func check(t *testing.T, table *Table) {
	t.Helper()
	bytes, execs, processes := 0, 0, 0
	inSource := map[*source]int{}
	for _, order := range []struct {
		exited bool
		all    func(func(*Process))
	}{{false, table.each(false)}, {true, table.each(true)}} {
		order.all(func(p *Process) {
			processes++
			bytes += processBytes + len(p.laterExecs)*execBytes
			for _, n := range p.notes {
				bytes += n.bytes
			}
			for _, e := range append([]exec{p.firstExec}, p.laterExecs...) {
				if table.byExec[e.hash] == p {
					execs++
				}
			}
			inSource[p.program.source]++
			if p.exited != order.exited || p.PID != 0 && (table.byPID[p.PID] == p) == p.exited {
				t.Errorf("process %d: exited %t, in the list of these %t, by its pid: %t", p.PID, p.exited, order.exited, table.byPID[p.PID] == p)
			}
			steps := 0
			for up := p; up != nil && steps <= 4*processes+4096; up = up.Parent() {
				steps++
			}
			if steps > 4*processes+4096 {
				t.Fatal("a process is its own ancestor")
			}
		})
	}
	for key, s := range table.sources {
		bytes += s.bytes()
		if s.key != key || s.processes != inSource[s] {
			t.Errorf("source %q: %d processes, want %d", key, s.processes, inSource[s])
		}
	}
	if bytes != table.bytes || execs != len(table.byExec) || len(inSource) != len(table.sources) {
		t.Errorf("%d bytes, want %d; %d exec_ids, want %d; %d sources, want %d", table.bytes, bytes, len(table.byExec), execs, len(table.sources), len(inSource))
	}
}

// each visits the processes that have exited, or the others.
func (t *Table) each(exited bool) func(func(*Process)) {
	order := t.running
	if exited {
		order = t.exited
	}
	return func(visit func(*Process)) {
		for at := order.Front(); at != nil; at = at.Next() {
			visit(at.Value.(*Process))
		}
	}
}
