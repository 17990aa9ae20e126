// SPDX-License-Identifier: Apache-2.0

//go:build linux

package process

import (
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/kernel"
)

func TestActing(t *testing.T) {
	f := newFixture(t)
	f.Exec(image(10, 1, "/parent"))
	f.Fork(fork(11, 10))
	f.Exec(image(11, 10, "/app"))
	for _, tid := range []uint32{11, 12} {
		got := f.Acting(key(11), 7, tid, event.Event{ProcessKprobe: &event.ProcessKprobe{}})
		if len(got.Processes) != 2 || got.Processes[0].Binary != "/app" || got.Processes[1].Binary != "/parent" ||
			got.Event.ProcessID != got.Processes[0].ExecID || got.Event.ParentID != got.Processes[1].ExecID || got.Event.Kind() != event.KindKprobe {
			t.Fatalf("%+v", got)
		}
		if want := map[uint32]uint32{12: 12}[tid]; got.Event.Tid != want {
			t.Errorf("thread %d is told as %d, want %d", tid, got.Event.Tid, want)
		}
	}
}

// Sockets and files are closed after the exit was told.
func TestActingAfterItsExit(t *testing.T) {
	f := newFixture(t)
	f.Exec(image(10, 1, "/parent"))
	f.Fork(fork(11, 10))
	f.Exec(image(11, 10, "/app"))
	f.Exit(exit(11))
	got := f.Acting(key(11), 7, 11, event.Event{})
	if len(got.Processes) != 2 || got.Processes[0].Binary != "/app" || got.Processes[1].Binary != "/parent" {
		t.Fatalf("%+v", got)
	}
	if len(f.processes) != 1 {
		t.Errorf("%d processes are kept: only the parent is alive", len(f.processes))
	}
}

// A process whose fork and exec were lost is told of like others, and so is what it does when others are looked for.
func TestActingAfterALoss(t *testing.T) {
	for _, lost := range []bool{true, false} {
		f := newFixture(t)
		f.lost = lost
		f.Running = func() ([]*kernel.Image, error) {
			return []*kernel.Image{image(10, 1, "/app"), image(11, 1, "/other")}, nil
		}
		f.Acting(key(10), 7, 10, event.Event{})
		for _, tgid := range []uint32{10, 11} {
			if passing := f.Passing(key(tgid)); passing == lost {
				t.Errorf("records lost: %t; process %d is passed over: %t", lost, tgid, passing)
			}
		}
	}
}

func TestActingUnknown(t *testing.T) {
	f := newFixture(t)
	var running []*kernel.Image
	looked := 0
	f.Running = func() ([]*kernel.Image, error) { looked++; return running, nil }
	again := func() { f.refreshed = f.refreshed.Add(-2 * refreshInterval) }

	running = []*kernel.Image{image(10, 1, "/found")}
	if got := f.Acting(key(10), 7, 10, event.Event{}); got.Processes[0].Binary != "/found" || got.Processes[0].Flags != "procFS rootcwd" {
		t.Errorf("one that runs: %+v", got.Processes[0])
	}
	again()
	f.Fork(fork(11, 9))
	running = []*kernel.Image{image(11, 9, "/forked")}
	if got := f.Acting(key(11), 7, 11, event.Event{}); got.Processes[0].Binary != "/forked" {
		t.Errorf("one whose forker is not known: %+v", got.Processes[0])
	}
	running = nil
	if got := f.Acting(key(12), 7, 12, event.Event{}); got.Processes[0].Flags != "unknown" || *got.Processes[0].Pid != 12 || got.Event.ProcessID == "" || looked != 2 {
		t.Errorf("one of whom nothing is known, just after it was looked for others: %+v, looked %d times", got.Processes[0], looked)
	}
	again()
	running = []*kernel.Image{image(12, 1, "/late")}
	if got := f.Acting(key(12), 7, 12, event.Event{}); got.Processes[0].Binary != "/late" {
		t.Errorf("it is looked for when that can be done again: %+v", got.Processes[0])
	}
	running = nil
	for range 3 {
		again()
		f.Acting(key(13), 7, 13, event.Event{})
	}
	if looked != 4 {
		t.Errorf("looked %d times; once is enough for one that does not run", looked)
	}
	f.Fork(fork(14, 13))
	f.Exit(exit(13))
	if len(f.out) != 0 {
		t.Errorf("the exit of one that executed nothing is told: %+v", f.out)
	}
	again()
	if got := f.Acting(key(14), 7, 14, event.Event{}); got.Processes[0].Flags != "unknown" {
		t.Errorf("the child of one of whom nothing is known: %+v", got.Processes[0])
	}
	f.lost = true
	f.Exit(exit(14))
	if len(f.out) != 1 || f.out[0].Processes[0].Binary != "sh" {
		t.Errorf("when records were lost, its exec may be among them: %+v", f.out)
	}
}

// A process of which only a hook tells, or that was moved into the pod after it was seen, is told with the pod.
func TestActingInItsPod(t *testing.T) {
	const pod = "6f0f3c1e-8f6e-4d5b-9c8a-0f1e2d3c4b5a"
	f := newFixture(t)
	f.Cgroup(&kernel.Cgroup{ProcessCgroupRecord: bpf.ProcessCgroupRecord{Header: bpf.ProcessRecordHeader{Cgroup: 7}}, Path: container})
	if got := f.Acting(key(10), 7, 10, event.Event{}).Processes[0]; got.PodUID != pod || got.ContainerID == "" || got.Flags != "unknown" {
		t.Errorf("one of whom nothing else is known: %+v", got)
	}
	outside := image(11, 1, "/runc")
	outside.CgroupPath, outside.Header.Cgroup = "/system.slice/containerd.service", 8
	f.Seed([]*kernel.Image{outside}, func(*kernel.Image) bool { return false })
	before := f.Acting(key(11), 8, 11, event.Event{}).Processes[0]
	if got := f.Acting(key(11), 7, 11, event.Event{}).Processes[0]; got.PodUID != pod || got.Binary != "/runc" || before.PodUID != "" {
		t.Errorf("one that was moved: %+v, before: %+v", got, before)
	}
}

// Of a cgroup that is gone nothing is remembered.
func TestCgroupGone(t *testing.T) {
	f := newFixture(t)
	f.Cgroup(&kernel.Cgroup{ProcessCgroupRecord: bpf.ProcessCgroupRecord{Header: bpf.ProcessRecordHeader{Cgroup: 7}}, Path: container})
	f.CgroupGone(8)
	if len(f.cgroups) != 1 {
		t.Errorf("%d are remembered when another one is gone, want 1", len(f.cgroups))
	}
	if f.CgroupGone(7); len(f.cgroups) != 0 {
		t.Errorf("%d are remembered", len(f.cgroups))
	}
}
