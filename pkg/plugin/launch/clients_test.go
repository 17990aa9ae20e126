// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"bufio"
	"testing"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/apiproxy"
)

// opened opens a tracer's log and reads its first line.
func opened(t *testing.T, tracer *Tracer) *bufio.Scanner {
	t.Helper()
	log, err := tracer.Open(soon(t), time.Time{}, true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	lines := bufio.NewScanner(log)
	if !lines.Scan() {
		t.Fatalf("no line: %v", lines.Err())
	}
	return lines
}

// A connection that is dead without an error is left by Reset at once, not after client-go's 45 s; one that lives goes on.
func TestResetLeavesADeadConnection(t *testing.T) {
	c := newCluster(t)
	l, proxy := c.behindProxy(t)
	tracer, other := start(t, l, "n1"), start(t, l, "n2")
	observed(tracer, running())
	observed(other, running())
	opened(t, tracer)
	proxy.Freeze()
	before := l.clients.get()
	tracer.Reset()
	after := l.clients.get()
	if before == after {
		t.Fatal("the connection was kept")
	}
	lines := opened(t, tracer)
	other.Reset() // it never used the dead one
	opened(t, other)
	tracer.Reset()
	if l.clients.get() == after {
		t.Error("a second silence changes nothing")
	}
	ctx := soon(t)
	go func() { // to whichever log wants a line
		for {
			select {
			case c.more <- struct{}{}:
			case <-ctx.Done():
				return
			}
		}
	}()
	if !lines.Scan() {
		t.Errorf("a log that was open is cut: %v", lines.Err())
	}
}

// A hundred silent tracers need one new connection.
func TestResetOfMany(t *testing.T) {
	l, _ := newCluster(t).behindProxy(t)
	old := l.clients.get()
	l.clients.replace(old)
	fresh := l.clients.get()
	for range 100 {
		l.clients.replace(old)
	}
	if fresh == old || l.clients.get() != fresh {
		t.Error("replaced more than once")
	}
}

// A clean-up does not wait for the answer of a dead connection.
func TestCleanupOverADeadConnection(t *testing.T) {
	c := newCluster(t)
	l, proxy := c.behindProxy(t)
	start(t, l, "n1")
	proxy.Freeze()
	ctx, cancel := boundedBy(t, 5*time.Second)
	defer cancel()
	if err := l.Cleanup(ctx); err != nil {
		t.Error(err)
	}
	if left := podsLeft(t, c); left > 0 {
		t.Errorf("%d pods left", left)
	}
}

// A clean-up outlives an API server that is busy.
func TestCleanupTriesAgain(t *testing.T) {
	c := newCluster(t)
	l, proxy := c.behindProxy(t)
	start(t, l, "n1")
	for _, f := range []apiproxy.Fault{{Status: 500, Times: 1, Match: apiproxy.Verb("DELETE", "")}, {Status: 503, Times: 1, Match: apiproxy.Verb("GET", "/pods")},
		{Status: 410, Times: 1, Match: apiproxy.Watch}} {
		proxy.Inject(f)
	}
	if err := l.Cleanup(soon(t)); err != nil || podsLeft(t, c) > 0 {
		t.Errorf("%v, %d pods left", err, podsLeft(t, c))
	}
}
