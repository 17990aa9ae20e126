// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tracer

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// ownCalls watches a system call that this process makes at each write of a frame.
const ownCalls = `
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: own}
spec:
  kprobes:
  - {call: sys_getppid, syscall: true}
`

// calling makes the system call with each frame: the tracer's telling of an event must not be an event.
type calling struct{ bytes.Buffer }

func (c *calling) Write(frame []byte) (int, error) {
	unix.Getppid()
	return c.Buffer.Write(frame)
}

func TestTheTracerIsNoEvent(t *testing.T) {
	needRoot(t)
	var frames calling
	c := config(wire.Targets{All: true})
	c.Policies = []wire.PolicySource{{Name: "own.yaml", Text: ownCalls}}
	if _, err := Run(context.Background(), Options{Config: c, Frames: &frames, Command: exec.Command("sh", "-c", "exit")}); err != nil {
		t.Fatal(err)
	}
	r := read(t, frames.Bytes())
	ofCommand := 0
	for _, e := range r.of(event.KindKprobe) {
		switch p := e.Process(); {
		case int(*p.Pid) == os.Getpid():
			t.Errorf("a call of the tracer itself is an event")
		case strings.HasSuffix(p.Binary, "/sh"):
			ofCommand++
		}
	}
	if ofCommand != 1 { // at its start, for $PPID
		t.Errorf("%d calls of the shell came out, it makes one", ofCommand)
	}
}

// TestNothingServed: policies of which no hook can be served are an error that says why, for each hook.
func TestNothingServed(t *testing.T) {
	needRoot(t)
	c := config(wire.Targets{All: true})
	c.Policies = []wire.PolicySource{{Name: "none.yaml", Text: strings.ReplaceAll(ownCalls, "{call: sys_getppid, syscall: true}", "{call: no_such_function_anywhere, syscall: false}")}}
	var frames bytes.Buffer
	_, err := Run(context.Background(), Options{Config: c, Frames: &frames, Command: exec.Command("true")})
	for _, want := range []string{"cannot be served", "policy own", "no_such_function_anywhere", "not found"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
	if !bytes.Contains(frames.Bytes(), []byte(`"bye":{"reason":"`+event.ByeError)) {
		t.Errorf("the last frame does not tell the error: %s", frames.Bytes())
	}
}

// A misspelled function is told with the one that was meant, and without the ways that could not have served it.
func TestFunctionThatThereIsNot(t *testing.T) {
	needRoot(t)
	for text, want := range map[string]string{
		"kprobes: [{call: vfs_raed, syscall: false}]": "hook vfs_raed of policy typo cannot be served on this node: " +
			"function vfs_raed: type information of the kernel and ",
		"lsmhooks: [{hook: file_opne, args: [{index: 0, type: file}]}]": "file_open?",
		"kprobes: [{call: vfs_raed, syscall: false}, {call: vfs_wriet, syscall: false}]": "no hook of the policies can be served on this node\n" +
			"policy typo: vfs_raed: function vfs_raed: type information",
	} {
		c := config(wire.Targets{All: true})
		c.Policies = []wire.PolicySource{{Name: "typo.yaml", Text: "apiVersion: cilium.io/v1alpha1\nkind: TracingPolicy\nmetadata: {name: typo}\nspec:\n  " + text + "\n"}}
		_, err := Run(context.Background(), Options{Config: c, Frames: &bytes.Buffer{}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
			continue
		}
		if strings.Contains(text, "vfs_raed") && !strings.Contains(err.Error(), "; did you mean vfs_read?") || strings.Contains(err.Error(), "stands in") {
			t.Errorf("%s: %v", text, err)
		}
	}
}
