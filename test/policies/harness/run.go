// SPDX-License-Identifier: Apache-2.0

//go:build linux

package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/testprogram"
)

// timeout of one run: emulated processors are slow.
const timeout = 10 * time.Minute

// Step is one process that provokes something: the words of provoke's command line, divided by blanks. A word ” is empty.
type Step struct {
	// Label is the process's first argument: by it events are told apart.
	Label string
	// Do is commands of provoke, divided by the word then.
	Do string
}

// Options of a run.
type Options struct {
	// Enforce arms the actions that stop something.
	Enforce bool
	// Pods whose containers are told apart. Processes that are in none of them have all selections.
	Pods []wire.Pod
	// Detail is what events tell of processes beside the usual.
	Detail wire.ProcessDetail
	// Allowed are the statuses that a step may end with instead of 0, by label.
	Allowed map[string][]int
}

// Result is what a run told.
type Result struct {
	Hello event.Hello
	Bye   event.Bye
	// Events of hooks in the order in which they were told.
	Events []*event.Event
	// Notices that the tracer gave.
	Notices []event.Notice
	// Status is how the steps ended, as a shell gives it, by label.
	Status map[string][]int
}

// Provoke is the path of testdata/provoke, built in a folder of its own.
func Provoke(t testing.TB) string { return testprogram.Path(t, "provoke") }

// Run traces the steps with policies, one after the other.
func Run(t testing.TB, policies string, o Options, steps ...Step) *Result {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("this test traces the kernel: run it as root")
	}
	program := Provoke(t)
	file := filepath.Join(t.TempDir(), "steps")
	if err := os.WriteFile(file, lines(steps), 0o600); err != nil {
		t.Fatal(err)
	}
	var frames, status bytes.Buffer
	command := exec.Command(program, "all", file)
	command.Stdout, command.Stderr = &status, os.Stderr
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	_, err := tracer.Run(ctx, tracer.Options{
		Config: wire.TracerConfig{
			Version: wire.Version, Session: "test", Node: "node", Targets: wire.Targets{Pods: o.Pods}, Enforce: o.Enforce, Process: o.Detail,
			Policies: []wire.PolicySource{{Name: "test.yaml", Text: policies}},
		},
		Frames: &frames, Command: command,
	})
	if err != nil {
		if verifier, ok := errors.AsType[*ebpf.VerifierError](err); ok { // which the tracer does not show to its users
			t.Logf("%+v", verifier)
		}
		t.Fatalf("trace: %v", err)
	}
	if ctx.Err() != nil {
		t.Fatal("the tracer did not end by itself")
	}
	r := decode(t, &frames)
	r.readStatus(t, &status)
	r.check(t, o, steps)
	return r
}

func lines(steps []Step) []byte {
	var all bytes.Buffer
	for _, s := range steps {
		fmt.Fprintf(&all, "%s\t%s\n", s.Label, strings.Join(strings.Fields(s.Do), "\t"))
	}
	return all.Bytes()
}

func decode(t testing.TB, frames io.Reader) *Result {
	t.Helper()
	r := &Result{Status: map[string][]int{}}
	decoder := wire.NewDecoder(frames)
	for events := uint64(0); ; {
		f, err := decoder.Next()
		if errors.Is(err, io.EOF) {
			if r.Hello.Protocol == 0 || r.Bye.Reason == "" {
				t.Fatalf("the stream has hello %+v and bye %+v", r.Hello, r.Bye)
			}
			if r.Bye.Totals.Events != events {
				t.Errorf("bye tells %d events, %d came", r.Bye.Totals.Events, events)
			}
			return r
		}
		if err != nil {
			t.Fatal(err)
		}
		r.take(f)
		events += uint64(f.Count)
	}
}

func (r *Result) take(f *wire.Frame) {
	for i := range f.Events {
		e := f.Event(i, func(p *wire.Process) *event.Process { return &p.Process })
		if e.Kind() != event.KindExec && e.Kind() != event.KindExit {
			r.Events = append(r.Events, e)
		}
	}
	if f.Hello != nil {
		r.Hello = *f.Hello
	}
	if f.Bye != nil {
		r.Bye = *f.Bye
	}
	if f.Notice != nil {
		r.Notices = append(r.Notices, *f.Notice)
	}
}

func (r *Result) readStatus(t testing.TB, out io.Reader) {
	t.Helper()
	content, err := io.ReadAll(out)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(content)) {
		label, status, _ := strings.Cut(strings.TrimSpace(line), " ")
		n, err := strconv.Atoi(status)
		if err != nil {
			t.Fatalf("provoke wrote %q", line)
		}
		r.Status[label] = append(r.Status[label], n)
	}
}
