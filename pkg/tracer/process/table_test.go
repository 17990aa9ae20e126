// SPDX-License-Identifier: Apache-2.0

//go:build linux

package process

import (
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/kernel"
)

// What the kernel does not do on demand: records that are lost, exits that are told twice, processes that leave unseen.
// All else is tested with real processes in package tracer.

const container = "/kubepods/pod6f0f3c1e-8f6e-4d5b-9c8a-0f1e2d3c4b5a/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

type fixture struct {
	*Table
	out  []Output
	lost bool
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	clock, err := NewClock()
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{}
	f.Table = NewTable(Config{
		Node: "n", Clock: clock,
		Running: func() ([]*kernel.Image, error) { return nil, nil },
		Emit:    func(o Output) { f.out = append(f.out, o) },
		Lost:    func() bool { return f.lost },
		Target:  func(*kernel.Image) bool { return true },
	})
	return f
}

func key(tgid uint32) kernel.Key { return kernel.Key{Tgid: tgid, Start: uint64(tgid) * 1000} }

func image(tgid, parent uint32, filename string) *kernel.Image {
	i := &kernel.Image{Filename: filename, Executable: filename, Cwd: "/", CgroupPath: container}
	i.Header.Process, i.Header.Parent, i.Header.Cgroup, i.Header.Time = key(tgid), key(parent), 7, uint64(tgid)*1000+1
	return i
}

func fork(tgid, parent uint32) *bpf.ProcessForkRecord {
	r := &bpf.ProcessForkRecord{Forker: key(parent)}
	r.Header.Process, r.Header.Parent, r.Header.Cgroup = key(tgid), key(parent), 7
	return r
}

func exit(tgid uint32) *bpf.ProcessExitRecord {
	r := &bpf.ProcessExitRecord{Comm: [16]int8{'s', 'h'}}
	r.Header.Process, r.Header.Cgroup = key(tgid), 7
	return r
}

func (f *fixture) kinds() (kinds []event.Kind) {
	for _, o := range f.out {
		kinds = append(kinds, o.Event.Kind())
	}
	return kinds
}

func TestExitOfTheUnknown(t *testing.T) {
	f := newFixture(t)
	f.Exit(exit(10))
	if len(f.out) != 0 {
		t.Fatalf("a runtime's helper that executed nothing in the container: %v", f.kinds())
	}
	f.lost = true
	f.Exit(exit(11))
	if len(f.out) != 1 || f.out[0].Processes[0].Flags != "unknown" || f.out[0].Processes[0].Binary != "sh" {
		t.Fatalf("when records were lost its exec may be among them: %+v", f.out)
	}
}

func TestExitIsToldOnce(t *testing.T) {
	f := newFixture(t)
	f.Exec(image(10, 1, "/bin/a"))
	f.Exit(exit(10))
	f.lost = true // or else the second would pass for one that is not known
	f.Exit(exit(10))
	if len(f.out) != 2 {
		t.Errorf("%v", f.kinds())
	}
}

func TestRuntimeHelpersAreNotReported(t *testing.T) {
	f := newFixture(t)
	f.Fork(fork(11, 10)) // of a process that is not known: it came in from outside
	f.Fork(fork(12, 11))
	f.Exit(exit(11))
	f.Exec(image(12, 10, "/app"))
	f.Exit(exit(12))
	if got := f.kinds(); len(got) != 2 || got[0] != event.KindExec || got[1] != event.KindExit {
		t.Fatalf("%v", got)
	}
	p := f.out[0].Processes[0]
	if p.ContainerID == "" || p.PodUID == "" || p.Flags != "execve rootcwd clone" {
		t.Errorf("%+v", p)
	}
}

// What the runtime executes in a container's cgroup but not in its mount namespace is not told of. What a container's process executes
// in the runtime's is.
func TestExecsOfTheRuntime(t *testing.T) {
	const runtimes, containers = 4026531841, 4026532000
	f := newFixture(t)
	f.Runtime = runtimes
	in := func(namespace uint32, i *kernel.Image) *kernel.Image {
		i.Namespaces.Mnt = namespace
		return i
	}
	f.Fork(fork(10, 1))
	f.Exec(in(runtimes, image(10, 1, "/usr/bin/runc")))
	if len(f.out) != 0 {
		t.Errorf("told: %v", f.kinds())
	}
	f.Exec(in(containers, image(10, 1, "/app")))
	f.Fork(fork(11, 10))
	f.Exec(in(runtimes, image(11, 10, "/usr/bin/escaped")))
	if len(f.out) != 2 || f.out[0].Processes[0].Binary != "/app" || f.out[1].Processes[0].Binary != "/usr/bin/escaped" {
		t.Errorf("told: %v", f.kinds())
	}
}

func TestInInitTree(t *testing.T) {
	f := newFixture(t)
	first := image(20, 1, "/app")
	first.NamespacePid, first.PidNamespaceLevel = 1, 1
	f.Exec(first)
	f.Fork(fork(21, 20))
	f.Exec(image(21, 20, "/worker"))
	injected := image(30, 2, "/bin/sh")
	injected.Header.Flags |= kernel.ParentOutside
	f.Exec(injected)
	for i, want := range []bool{true, true, false} {
		if p := f.out[i].Processes[0]; *p.InInitTree != want {
			t.Errorf("%s: in_init_tree %v", p.Binary, *p.InInitTree)
		}
	}
}

func TestDropExited(t *testing.T) {
	f := newFixture(t)
	f.Exec(image(10, 1, "/stays"))
	f.Exec(image(11, 1, "/leaves"))
	f.Exec(image(12, 1, "/unseen"))
	f.DropExited([]*kernel.Image{image(10, 1, ""), image(11, 1, "")})
	for range 2 {
		f.DropExited([]*kernel.Image{image(10, 1, "")})
		if f.processes[key(10)] == nil || f.processes[key(12)] == nil {
			t.Fatal("a process that runs, or that the iterator can't see, is dropped")
		}
	}
	if f.processes[key(11)] != nil {
		t.Error("a process that left unseen is kept")
	}
	f.lost = true
	f.DropExited([]*kernel.Image{image(10, 1, "")})
	if f.processes[key(12)] != nil {
		t.Error("when exits were lost, what is not to be seen is gone")
	}
}

// TestChainsAreCut: a process that forks and exits again and again does not keep its whole ancestry.
func TestChainsAreCut(t *testing.T) {
	f := newFixture(t)
	f.Exec(image(10, 1, "/daemon"))
	for tgid := uint32(11); tgid < 100; tgid++ {
		f.Fork(fork(tgid, tgid-1))
		f.Exit(exit(tgid - 1))
	}
	depth := 0
	for e := f.processes[key(99)]; e != nil; e = e.parent {
		depth++
	}
	if depth > 2 || len(f.processes) > 2 {
		t.Errorf("%d processes are kept by the last one, %d in all", depth, len(f.processes))
	}
}
