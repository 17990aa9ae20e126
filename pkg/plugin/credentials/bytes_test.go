// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/processes"
)

// named are credentials with texts of their own, as a decoder makes them.
func named(uid uint32, capabilities int) *event.ProcessCredentials {
	names := func() (all []string) {
		for _, name := range event.CapabilityNames()[:capabilities] {
			all = append(all, strings.Clone("CAP_"+name))
		}
		return all
	}
	c := of(uid)
	c.Caps = &event.Capabilities{Permitted: names(), Effective: names()}
	return c
}

// What the budget is charged is what histories take, and what children have of their parents is there once.
func TestBytes(t *testing.T) {
	const count = 500
	heap := func() int {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	for name, c := range map[string]struct {
		changes, capabilities int
		inherited             bool
		most                  int
	}{
		"one change":               {1, 41, false, 5000},
		"no capabilities":          {1, 0, false, 2000},
		"many changes":             {3 * mostChanges, 14, false, mostChanges * 3000},
		"what the parents have":    {1, 41, true, 1300},
		"changes without a change": {3 * mostChanges, 41, true, 2500},
	} {
		tracker, table := New(Filter{}), processes.NewTable("n1", processes.NewBudget(1<<30))
		pass := func(e *event.Event) { tracker.Pass(&pipeline.Item{Event: e, Process: table.Observe(e)}) }
		shell := task(1, "shell", "procFS", 0, named(0, c.capabilities))
		pass(commit(1, shell, nil, named(0, c.capabilities)))
		before, charged := heap(), 0
		for i := range count {
			p := task(uint32(i+2), fmt.Sprint(i), "execve clone", 1, nil)
			for change := range c.changes {
				uid := uint32(i*100 + change + 1)
				if c.inherited {
					uid = 0
				}
				e := commit(change+1, p, shell, named(uid, c.capabilities))
				it := pipeline.Item{Event: e, Process: table.Observe(e)}
				tracker.Pass(&it)
				if h, ok := tracker.histories.Get(it.Process.Process); ok && change == c.changes-1 {
					charged += tracker.bytes(it.Process.Process, h)
				}
			}
		}
		taken := (heap() - before) / count
		if charged/count > c.most || taken > charged/count+544 { // what the table itself takes
			t.Errorf("%s: %d bytes each, %d are charged, want at most %d", name, taken, charged/count, c.most)
		}
		table.Close()
	}
}
