// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// openFiles opens 10,000 files per second that are not below /etc and 100 that are, for ten seconds.
const openFiles = `
import os, time
def touch(path):
    os.close(os.open(path, os.O_RDONLY))
start = time.monotonic()
for tick in range(1000):
    for _ in range(100):
        touch("/test2.txt")
    touch("/etc/passwd")
    time.sleep(max(0, start + (tick + 1) / 100 - time.monotonic()))
`

// What a policy is not about does not come out of the kernel: of a pod that opens many files, those below /etc are told, each of
// them, and nothing is lost.
func TestFileOfBusyPod(t *testing.T) {
	s := newScene(t)
	pod := s.pod("busy", nil, debianPod.on(s.nodes[0]))
	r := s.start("file", "--prefix", "/etc", "--op", "open", "--every", "--strict", pod.Name)
	r.awaitHello(s.nodes[0])
	s.execIn(pod.Name, "python", "-c", openFiles)
	r.await("end of the program", func(e *event.Event) bool {
		return e.ProcessExit != nil && strings.HasSuffix(e.ProcessExit.Process.Binary, "/python")
	})
	got := r.end()
	if got.code != 0 {
		t.Errorf("exit code %d, stderr:\n%s", got.code, got.stderr)
	}
	opens := 0
	for _, e := range r.events {
		switch {
		case e.Bye != nil:
			if seen := e.Bye.Totals.Seen["hook"]; seen > 1100 {
				t.Errorf("%d events of files came out of the kernel", seen)
			}
		case e.ProcessKprobe != nil:
			path := ""
			for _, a := range e.ProcessKprobe.Args {
				if a.FileArg != nil {
					path = a.FileArg.Path
				}
			}
			switch {
			case !strings.HasPrefix(path, "/etc/"):
				t.Fatalf("%s of %q", e.ProcessKprobe.FunctionName, path)
			case path == "/etc/passwd" && strings.HasSuffix(e.ProcessKprobe.Process.Binary, "/python"):
				opens++
			}
		}
	}
	if opens != 1000 {
		t.Errorf("%d opens of /etc/passwd are told, 1000 were done; stderr:\n%s", opens, got.stderr)
	}
}
