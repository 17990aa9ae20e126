// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// counting executes echo with the next number, some times a second.
const counting = `i=0; while :; do i=$((i+1)); /bin/echo number $i; /bin/sleep 0.2; done`

// number is that of an echo of the pod; 0: it is none.
func number(e *event.Event, pod string) int {
	if !execOf(e, pod, "/bin/echo") {
		return 0
	}
	n, _ := strconv.Atoi(strings.TrimPrefix(e.ProcessExec.Process.Arguments, "number "))
	return n
}

// listed is what sessions -o json says of a session.
type listed struct {
	Session, State, Command, User string
	Enforces                      bool
	Tracing                       int
	TargetNamespaces              []string `json:"target_namespaces"`
}

func (s *scene) sessions() (found []listed) {
	s.Helper()
	r := s.run("sessions", "-o", "json")
	if r.code != 0 {
		s.Fatalf("exit code %d, stderr:\n%s", r.code, r.stderr)
	}
	decoder := json.NewDecoder(strings.NewReader(r.stdout))
	for decoder.More() {
		var one listed
		if err := decoder.Decode(&one); err != nil {
			s.Fatal(err)
		}
		found = append(found, one)
	}
	return found
}

// detach starts a session that traces by itself, and returns its name.
func (s *scene) detach(args ...string) string {
	s.Helper()
	r := s.run(append(args, "--detach")...)
	name := strings.TrimSpace(r.stdout)
	if r.code != 0 || len(name) != 12 || !strings.Contains(r.stderr, "kubectl trace-sec attach "+name) {
		s.Fatalf("exit code %d, stdout %q, stderr:\n%s", r.code, r.stdout, r.stderr)
	}
	return name
}

// A session goes on without its command; whoever attaches sees all of it, and who stops attaching ends nothing.
func TestDetachedSession(t *testing.T) {
	s := newScene(t)
	s.pod("busy", nil, shell(s.nodes[0], counting))
	name := s.detach("exec", "busy", "--duration", "10m", "--redact", "secret")
	want := listed{Session: name, State: "detached", Tracing: 1, TargetNamespaces: []string{s.namespace}}
	found := s.sessions()
	if len(found) != 1 || found[0].User == "" || !strings.HasPrefix(found[0].Command, "exec --duration=10m0s --detach --redact=... ") {
		t.Fatalf("sessions: %+v", found)
	}
	want.User, want.Command = found[0].User, found[0].Command
	if fmt.Sprint(found[0]) != fmt.Sprint(want) {
		t.Errorf("sessions: %+v, want %+v", found[0], want)
	}
	first := s.attachUpTo(name, 10)
	again := s.attachUpTo(name[:6], first[len(first)-1]+5)
	if again[0] != first[0] {
		t.Errorf("attached first from number %d on, then from %d", first[0], again[0])
	}
	if r := s.run("cleanup"); r.code != 0 || !strings.Contains(r.stderr, "left alone") {
		t.Errorf("cleanup: exit code %d, stderr:\n%s", r.code, r.stderr)
	}
	if found := s.sessions(); len(found) != 1 || found[0].State != "detached" {
		t.Errorf("sessions after cleanup: %+v", found)
	}
	if r := s.run("stop", name); r.code != 0 || strings.Contains(r.stderr, "lost") {
		t.Errorf("stop: exit code %d, stderr:\n%s", r.code, r.stderr)
	}
	if found := s.sessions(); len(found) != 0 {
		t.Errorf("sessions after stop: %+v", found)
	}
}

// attachUpTo attaches until it has seen so many echos, and checks that none is missing between the first and the last.
func (s *scene) attachUpTo(name string, count int) (numbers []int) {
	s.Helper()
	r := s.start("attach", name)
	r.await("events", func(*event.Event) bool {
		return r.count(func(e *event.Event) bool { return number(e, "busy") > 0 }) >= count
	})
	if got := r.end(); got.code != 0 || strings.Contains(got.stderr, "goodbye") {
		s.Errorf("attach: exit code %d, stderr:\n%s", got.code, got.stderr)
	}
	for i := range r.events {
		n := number(&r.events[i], "busy")
		if n > 0 && len(numbers) > 0 && n != numbers[len(numbers)-1]+1 {
			s.Errorf("number %d after %d", n, numbers[len(numbers)-1])
		}
		if n > 0 {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

// What a session enforces ends at its time, with nobody there; what it did can be read afterwards.
func TestDetachedEnforcement(t *testing.T) {
	s := newScene(t)
	s.pod("busy", nil, shell(s.nodes[0], "while :; do /bin/sleep 1; done"))
	works := func() bool { return strings.Contains(s.execIn("busy", "/bin/sh", "-c", "/bin/id"), "uid=") }
	if !works() {
		t.Fatal("it does not work before")
	}
	const span = 20 * time.Second
	began := time.Now()
	name := s.detach("enforce", "busy", "--deny-exec", "/bin/id", "--kill", "--yes", "--duration", span.String())
	if works() {
		t.Error("nothing is enforced")
	}
	s.eventuallyDoing("end of what is enforced", works)
	if took := time.Since(began); took < span || took > span+disarmedWithin {
		t.Errorf("enforced for %s, want %s", took, span)
	}
	s.eventuallyDoing("end of the session", func() bool { return s.sessions()[0].State == "ended" })
	r := s.start("attach", name)
	if got := r.wait(); got.code != 0 {
		t.Errorf("attach: exit code %d, stderr:\n%s", got.code, got.stderr)
	}
	if n := r.count(func(e *event.Event) bool { return len(e.Enforced()) > 0 }); n == 0 {
		t.Error("nothing of what was enforced can be read afterwards")
	}
	if r := s.run("stop", name); r.code != 0 {
		t.Errorf("stop: exit code %d, stderr:\n%s", r.code, r.stderr)
	}
}
