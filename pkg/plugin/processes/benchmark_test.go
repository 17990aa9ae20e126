// SPDX-License-Identifier: Apache-2.0

package processes

import (
	"encoding/base64"
	"fmt"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

func longID(node string, i int) string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%s:%d:%d", node, 4711000000000+i, i))
}

func BenchmarkObserve(b *testing.B) {
	const others = 10000 // processes that the table knows besides
	full := func() *Table {
		table := newTestTable()
		for i := range others {
			table.Observe(execOf(record(longID("ip-10-0-0-1.ec2.internal", i), "", uint32(i+1), first, i)))
		}
		return table
	}
	shell := record(longID("n", 1), "", 1000001, existing, 0)
	b.Run("known", func(b *testing.B) {
		table, calls := full(), []*event.Event{}
		for i := range 64 {
			calls = append(calls, callOf(record(longID("ip-10-0-0-1.ec2.internal", 7*i), shell.ExecID, uint32(7*i+1), first, i), shell))
		}
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			table.Observe(calls[i%64])
		}
	})
	b.Run("new", func(b *testing.B) { // each process begins and ends, at the bound
		table, execs, exits := full(), []*event.Event{}, []*event.Event{}
		for i := range 4 * others {
			r := record(longID("n", i+10), shell.ExecID, uint32(i+others+1), first, i)
			execs, exits = append(execs, execOf(r, shell)), append(exits, exitOf(i+1, r, shell))
		}
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			table.Observe(execs[i%len(execs)])
			table.Observe(exits[i%len(execs)])
		}
	})
}
