// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// TestFloodThroughTheLog: so many events that the kubelet rotates the log under way. Every exec is shown, or is counted as
// lost: nothing is missing without a word.
func TestFloodThroughTheLog(t *testing.T) {
	const execs = 20000
	s := newScene(t)
	pod := s.pod("flood", nil, shell(s.nodes[0], "sleep 3600"))
	r := s.start("exec", "flood")
	r.awaitHello(s.nodes[0])
	s.execIn(pod.Name, "/bin/sh", "-c", fmt.Sprintf("i=0; while [ $i -lt %d ]; do /bin/true; i=$((i+1)); done; /bin/echo end", execs))
	r.await("the end of the flood", func(e *event.Event) bool { return execOf(e, "flood", "/bin/echo") })
	got := r.end()
	if got.code != 0 {
		t.Errorf("exit code %d, stderr:\n%s", got.code, got.stderr)
	}
	var started, ended, lost uint64
	var bye *event.Bye
	for i := range r.events {
		e := &r.events[i]
		switch {
		case execOf(e, "flood", "/bin/true"):
			started++
		case e.ProcessExit != nil && e.ProcessExit.Process.Binary == "/bin/true":
			ended++
		case e.Loss != nil:
			lost += e.Loss.Count
		case e.Throttled != nil:
			lost += e.Throttled.Count
		case e.Bye != nil:
			bye = e.Bye
		}
	}
	if bye == nil || started+ended+lost != 2*execs {
		t.Errorf("%d execs and %d exits shown, %d lost, of %d each; %+v", started, ended, lost, execs, bye)
	}
	t.Logf("%d execs, %d exits, %d lost, %+v", started, ended, lost, bye)
}
