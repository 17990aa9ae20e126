// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// attachment is one attach as the kubelet sees it.
type attachment struct {
	lines <-chan string
	cut   chan<- error
}

// scripted returns an attacher whose attachments come out of the channel, read one line at a time.
func scripted() (attacher, <-chan attachment) {
	attachments := make(chan attachment, 16)
	return func(ctx context.Context, stdin io.Reader) error {
		lines, cut := make(chan string), make(chan error)
		go func() {
			defer close(lines)
			s := bufio.NewScanner(stdin)
			for s.Buffer(nil, wire.MaxControlLine); s.Scan(); {
				select {
				case lines <- s.Text():
				case <-ctx.Done():
					return
				}
			}
		}()
		attachments <- attachment{lines, cut}
		select {
		case err := <-cut:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}, attachments
}

func controlled(t *testing.T, reattach bool, every time.Duration, attach attacher) (tracer *Tracer, done chan struct{}) {
	return controlledBy(t, Program{}, reattach, every, attach)
}

// controlledBy is controlled for a tracer that gets to its node in some way.
func controlledBy(t *testing.T, p Program, reattach bool, every time.Duration, attach attacher) (tracer *Tracer, done chan struct{}) {
	t.Helper()
	l := newCluster(t).launcher(t, func(c *Config) { c.Reattach = reattach })
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p", UID: "u"}, Spec: corev1.PodSpec{NodeName: "n"}}
	tracer = &Tracer{launcher: l, node: "n", name: "p", uid: "u", pod: pod, changed: make(chan struct{}), program: p, carrying: newCarrying(p)}
	tracer.control = newControlStream(tracer, attach)
	tracer.control.every = every
	ctx, cancel := context.WithCancel(t.Context())
	tracer.control.cancel = cancel
	done = make(chan struct{})
	go func() { tracer.control.run(ctx); close(done) }()
	t.Cleanup(func() { cancel(); receive(t, done, "the control stream's end") })
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

// expect reads lines until the wanted one; only signs of life may come before it, and the end of a line that was cut.
func expect(t *testing.T, c attachment, want string) {
	t.Helper()
	for {
		line := receive(t, c.lines, want)
		if line == want {
			return
		}
		if line != "{}" && line != "" {
			t.Fatalf("line %q, want %q", line, want)
		}
	}
}

func TestSendIsStateNotQueue(t *testing.T) {
	attach, attachments := scripted()
	tracer, _ := controlled(t, true, time.Hour, attach)
	for i := range 1000 { // nobody reads: it must not block
		if err := tracer.Send(targets(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case <-tracer.Attached():
		t.Fatal("attached before the container started")
	case <-attachments:
		t.Fatal("attached before the container started")
	default:
	}
	observed(tracer, running())
	c := receive(t, attachments, "attach")
	receive(t, tracer.Attached(), "Attached")
	expect(t, c, `{"targets":{"pods":[{"uid":"999"}]}}`)
	if err := tracer.Send(targets("new")); err != nil {
		t.Fatal(err)
	}
	expect(t, c, `{"add":[{"uid":"new"}],"remove":["999"]}`)
	if err := tracer.Send(wire.Control{Stop: true}); err != nil {
		t.Fatal(err)
	}
	expect(t, c, `{"stop":true}`)
}

func TestKeepAlive(t *testing.T) {
	attach, attachments := scripted()
	tracer, _ := controlled(t, true, 5*time.Millisecond, attach)
	observed(tracer, running())
	c := receive(t, attachments, "attach")
	for range 5 {
		expect(t, c, "{}")
	}
}

// A plugin that is gone is noticed after more than one lost sign of life, and while policies are armed within 5 s, the end of
// the tracer included.
func TestSignsOfLife(t *testing.T) {
	for _, armed := range []bool{false, true} {
		l := newCluster(t).launcher(t, func(c *Config) { c.Armed = armed })
		k := newControlStream(&Tracer{launcher: l}, nil)
		silence := Silence
		if armed {
			silence = ArmedSilence
		}
		if silence < 3*k.every || armed && silence > 4*time.Second {
			t.Errorf("armed %t: a sign of life each %s, silence %s", armed, k.every, silence)
		}
	}
}

func TestReattachSaysEverythingAgain(t *testing.T) {
	attach, attachments := scripted()
	tracer, _ := controlled(t, true, time.Hour, attach)
	observed(tracer, running())
	if err := tracer.Send(targets("a")); err != nil {
		t.Fatal(err)
	}
	first := receive(t, attachments, "attach")
	expect(t, first, `{"targets":{"pods":[{"uid":"a"}]}}`)
	first.cut <- errors.New("connection reset")
	expect(t, receive(t, attachments, "second attach"), `{"targets":{"pods":[{"uid":"a"}]}}`)
	if err := tracer.Send(wire.Control{}); err != nil || tracer.DetachErr() != nil {
		t.Errorf("control stream given up: %v", err)
	}
}

func TestWithoutReattachABreakIsFinal(t *testing.T) {
	attach, attachments := scripted()
	tracer, _ := controlled(t, false, time.Hour, attach)
	observed(tracer, running())
	c := receive(t, attachments, "attach")
	receive(t, tracer.Attached(), "Attached")
	c.cut <- errors.New("connection reset")
	receive(t, tracer.Detached(), "Detached")
	if err := tracer.Send(targets("a")); !errors.Is(err, ErrDetached) || !errors.Is(tracer.DetachErr(), ErrDetached) {
		t.Errorf("error %v", err)
	}
}

// The streams end before the kubelet says that the container has: that is no break.
func TestEndOfTheTracerIsNoBreak(t *testing.T) {
	attach, attachments := scripted()
	tracer, done := controlled(t, false, time.Hour, attach)
	observed(tracer, running())
	c := receive(t, attachments, "attach")
	receive(t, tracer.Attached(), "Attached")
	c.cut <- nil
	observed(tracer, terminated(0, "Completed", "{}"))
	receive(t, done, "the control stream's end")
	if err := tracer.DetachErr(); err != nil {
		t.Errorf("detached: %v", err)
	}
}

// A tracer that never started has no control stream to wait for.
func TestNoAttachToRejectedPod(t *testing.T) {
	attach, attachments := scripted()
	tracer, done := controlled(t, true, time.Hour, attach)
	observed(tracer, corev1.PodStatus{Phase: corev1.PodFailed, Reason: "OutOfcpu"})
	receive(t, done, "the control stream's end")
	if len(attachments) > 0 {
		t.Error("attached")
	}
}

// A pod that is removed, added or changed costs a line about it, however many the others are.
func TestSendSendsChanges(t *testing.T) {
	attach, attachments := scripted()
	tracer, _ := controlled(t, true, time.Hour, attach)
	observed(tracer, running())
	c := receive(t, attachments, "attach")
	list := func(from, to int) *wire.Targets {
		all := &wire.Targets{}
		for i := from; i < to; i++ {
			all.Pods = append(all.Pods, wire.Pod{UID: fmt.Sprintf("11111111-2222-3333-4444-%012d", i)})
		}
		return all
	}
	const many = 30_000
	first := list(0, many)
	if err := tracer.Send(wire.Control{Targets: first}); err != nil {
		t.Fatal(err)
	}
	told := 0
	for more := true; more; {
		text := receive(t, c.lines, "the list")
		if text == "{}" {
			continue
		}
		if len(text) >= wire.MaxControlLine {
			t.Fatalf("a line of %d bytes", len(text))
		}
		var line wire.Control
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatal(err)
		}
		told += len(line.Add)
		if line.Targets != nil {
			told += len(line.Targets.Pods)
		}
		more = line.More
	}
	if told != many {
		t.Errorf("told of %d pods, want %d", told, many)
	}
	second := list(1, many+1)
	second.Pods[4].Selections = 7
	if err := tracer.Send(wire.Control{Targets: second}); err != nil {
		t.Fatal(err)
	}
	expect(t, c, fmt.Sprintf(`{"add":[{"uid":"11111111-2222-3333-4444-%012d","selections":7},{"uid":"11111111-2222-3333-4444-%012d"}],"remove":["11111111-2222-3333-4444-%012d"]}`, 5, many, 0))
}

// A silent tracer's control stream connects anew, unless the tracer would end by that.
func TestReset(t *testing.T) {
	for _, reattach := range []bool{true, false} {
		attach, attachments := scripted()
		tracer, _ := controlled(t, reattach, 5*time.Millisecond, attach)
		observed(tracer, running())
		tracer.Reset() // before there is anything to reset
		if err := tracer.Send(targets("a")); err != nil {
			t.Fatal(err)
		}
		c := receive(t, attachments, "attach")
		expect(t, c, `{"targets":{"pods":[{"uid":"a"}]}}`)
		tracer.Reset()
		if reattach {
			c = receive(t, attachments, "second attach")
			expect(t, c, `{"targets":{"pods":[{"uid":"a"}]}}`)
		}
		expect(t, c, "{}")
		if err := tracer.DetachErr(); err != nil {
			t.Errorf("reattach %t: %v", reattach, err)
		}
	}
}

// What can never be sent is an error, not silence.
func TestUnsendableTargets(t *testing.T) {
	attach, _ := scripted()
	tracer, _ := controlled(t, true, time.Hour, attach)
	observed(tracer, running())
	big := targets(strings.Repeat("x", wire.MaxControlLine))
	if err := tracer.Send(big); err != nil {
		t.Fatal(err)
	}
	receive(t, tracer.Detached(), "Detached")
	if err := tracer.DetachErr(); !errors.Is(err, errUnsendable) {
		t.Errorf("error %v", err)
	}
}
