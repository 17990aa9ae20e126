// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// connection is one attach as the kubelet sees it.
type connection struct {
	lines <-chan string
	cut   chan<- error
}

// scripted returns an attacher whose connections come out of the channel, read one line at a time.
func scripted() (attacher, <-chan connection) {
	connections := make(chan connection, 16)
	return func(ctx context.Context, stdin io.Reader) error {
		lines, cut := make(chan string), make(chan error)
		go func() {
			defer close(lines)
			for s := bufio.NewScanner(stdin); s.Scan(); {
				select {
				case lines <- s.Text():
				case <-ctx.Done():
					return
				}
			}
		}()
		connections <- connection{lines, cut}
		select {
		case err := <-cut:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}, connections
}

func linked(t *testing.T, reattach bool, every time.Duration, attach attacher) (tracer *Tracer, done chan struct{}) {
	l := newCluster(t).launcher(t, func(c *Config) { c.Reattach = reattach })
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p", UID: "u"}, Spec: corev1.PodSpec{NodeName: "n"}}
	tracer = &Tracer{launcher: l, node: "n", name: "p", uid: "u", pod: pod, changed: make(chan struct{})}
	tracer.link = newLink(tracer, attach)
	tracer.link.every = every
	ctx, cancel := context.WithCancel(t.Context())
	tracer.link.cancel = cancel
	done = make(chan struct{})
	go func() { tracer.link.run(ctx); close(done) }()
	t.Cleanup(func() { cancel(); receive(t, done, "the link's end") })
	return tracer, done
}

func observed(tracer *Tracer, status corev1.PodStatus) {
	pod, _, _ := tracer.state()
	pod = pod.DeepCopy()
	pod.Status = status
	tracer.observe(pod, false)
}

func targets(uids ...string) wire.Control {
	named := &wire.Targets{}
	for _, uid := range uids {
		named.Pods = append(named.Pods, wire.Pod{UID: uid})
	}
	return wire.Control{Targets: named}
}

// expect reads lines until the wanted one; only signs of life may come before it.
func expect(t *testing.T, c connection, want string) {
	t.Helper()
	for {
		line := receive(t, c.lines, want)
		if line == want {
			return
		}
		if line != "{}" {
			t.Fatalf("line %q, want %q", line, want)
		}
	}
}

func TestSendIsStateNotQueue(t *testing.T) {
	attach, connections := scripted()
	tracer, _ := linked(t, true, time.Hour, attach)
	for i := range 1000 { // nobody reads: it must not block
		if err := tracer.Send(targets(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case <-tracer.Attached():
		t.Fatal("attached before the container started")
	case <-connections:
		t.Fatal("attached before the container started")
	default:
	}
	observed(tracer, running())
	c := receive(t, connections, "attach")
	receive(t, tracer.Attached(), "Attached")
	expect(t, c, `{"targets":{"pods":[{"uid":"999"}]}}`)
	if err := tracer.Send(targets("new")); err != nil {
		t.Fatal(err)
	}
	expect(t, c, `{"targets":{"pods":[{"uid":"new"}]}}`)
	if err := tracer.Send(wire.Control{Stop: true}); err != nil {
		t.Fatal(err)
	}
	expect(t, c, `{"stop":true}`)
}

func TestKeepAlive(t *testing.T) {
	attach, connections := scripted()
	tracer, _ := linked(t, true, 5*time.Millisecond, attach)
	observed(tracer, running())
	c := receive(t, connections, "attach")
	for range 5 {
		expect(t, c, "{}")
	}
}

// A plugin that is gone is noticed after more than one lost sign of life, and while policies are armed within 5 s, the end of
// the tracer included.
func TestSignsOfLife(t *testing.T) {
	for _, armed := range []bool{false, true} {
		l := newCluster(t).launcher(t, func(c *Config) { c.Armed = armed })
		k := newLink(&Tracer{launcher: l}, nil)
		silence := time.Duration(completed(l.config, wire.Orders{Node: "n"}).Silence)
		if silence < 3*k.every || armed && silence > 4*time.Second {
			t.Errorf("armed %t: a sign of life each %s, silence %s", armed, k.every, silence)
		}
	}
}

func TestReattachSaysEverythingAgain(t *testing.T) {
	attach, connections := scripted()
	tracer, _ := linked(t, true, time.Hour, attach)
	observed(tracer, running())
	if err := tracer.Send(targets("a")); err != nil {
		t.Fatal(err)
	}
	first := receive(t, connections, "attach")
	expect(t, first, `{"targets":{"pods":[{"uid":"a"}]}}`)
	first.cut <- errors.New("connection reset")
	expect(t, receive(t, connections, "second attach"), `{"targets":{"pods":[{"uid":"a"}]}}`)
	if err := tracer.Send(wire.Control{}); err != nil || tracer.DetachErr() != nil {
		t.Errorf("link given up: %v", err)
	}
}

func TestWithoutReattachABreakIsFinal(t *testing.T) {
	attach, connections := scripted()
	tracer, _ := linked(t, false, time.Hour, attach)
	observed(tracer, running())
	c := receive(t, connections, "attach")
	receive(t, tracer.Attached(), "Attached")
	c.cut <- errors.New("connection reset")
	receive(t, tracer.Detached(), "Detached")
	if err := tracer.Send(targets("a")); !errors.Is(err, ErrDetached) || !errors.Is(tracer.DetachErr(), ErrDetached) {
		t.Errorf("error %v", err)
	}
}

// The streams end before the kubelet says that the container has: that is no break.
func TestEndOfTheTracerIsNoBreak(t *testing.T) {
	attach, connections := scripted()
	tracer, done := linked(t, false, time.Hour, attach)
	observed(tracer, running())
	c := receive(t, connections, "attach")
	receive(t, tracer.Attached(), "Attached")
	c.cut <- nil
	observed(tracer, terminated(0, "Completed", "{}"))
	receive(t, done, "the link's end")
	if err := tracer.DetachErr(); err != nil {
		t.Errorf("detached: %v", err)
	}
}

// A tracer that never started has no link to wait for.
func TestNoAttachToRejectedPod(t *testing.T) {
	attach, connections := scripted()
	tracer, done := linked(t, true, time.Hour, attach)
	observed(tracer, corev1.PodStatus{Phase: corev1.PodFailed, Reason: "OutOfcpu"})
	receive(t, done, "the link's end")
	if len(connections) > 0 {
		t.Error("attached")
	}
}
