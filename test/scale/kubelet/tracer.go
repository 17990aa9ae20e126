// SPDX-License-Identifier: Apache-2.0

package kubelet

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// heartbeat is how often a tracer says that it lives.
const heartbeat = time.Second

// tracer is a scripted one.
type tracer struct {
	config  wire.TracerConfig
	script  Script
	log     *lines
	encoder *wire.Encoder
	emitted atomic.Uint64
	// stopping is closed when it was asked to stop, over when it has ended.
	stopping, over chan struct{}
	stopOnce       sync.Once
	began          time.Time
}

// tracerConfig is what a tracer pod's command line asks for.
func tracerConfig(object *corev1.Pod) (c wire.TracerConfig, is bool) {
	for _, container := range object.Spec.Containers {
		at := slices.Index(container.Args, "--config")
		if at < 0 || at+1 == len(container.Args) {
			continue
		}
		c, err := wire.ParseTracerConfig([]byte(container.Args[at+1]))
		return c, err == nil
	}
	return c, false
}

func newTracer(c wire.TracerConfig, s Script) *tracer {
	log := &lines{more: make(chan struct{})}
	return &tracer{config: c, script: s, log: log, encoder: wire.NewEncoder(log, c.Session),
		stopping: make(chan struct{}), over: make(chan struct{}), began: time.Now()}
}

// failed says whether the time of its failure has come.
func (t *tracer) failed() bool {
	return t.script.Failure != "" && time.Since(t.began) >= t.script.After
}

func (t *tracer) stop() { t.stopOnce.Do(func() { close(t.stopping) }) }

// read takes control messages to their end.
func (t *tracer) read(in io.Reader) {
	messages := bufio.NewScanner(in)
	messages.Buffer(nil, wire.MaxControlLine)
	for messages.Scan() {
		var c wire.Control
		if json.Unmarshal(messages.Bytes(), &c) == nil && c.Stop {
			t.stop()
		}
	}
}

// run is the tracer's life; the result is how its container ended.
func (t *tracer) run(ctx context.Context) *corev1.ContainerStateTerminated {
	defer close(t.over)
	defer t.log.close()
	t.must(t.encoder.Hello(event.Hello{Protocol: wire.Version, Session: t.config.Session, Kernel: "6.12.0", Build: "scripted"}))
	tick := heartbeat
	if t.script.EventsPerSecond > 1 {
		tick /= time.Duration(t.script.EventsPerSecond)
	}
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for beat := time.Now(); ; {
		select {
		case <-ctx.Done():
			return terminated(0, "Completed", "")
		case <-t.stopping:
			bye := event.Bye{Reason: event.ByeStopped, Totals: event.Totals{Events: t.encoder.Written()}}
			t.must(t.encoder.Bye(bye))
			message, _ := json.Marshal(bye)
			return terminated(0, "Completed", string(message))
		case <-ticker.C:
		}
		switch {
		case t.failed() && t.script.Failure == Killed:
			return terminated(137, "OOMKilled", "")
		case t.failed() && t.script.Failure == Silent:
			continue
		}
		if t.script.EventsPerSecond > 0 {
			t.emit()
		}
		if time.Since(beat) >= heartbeat {
			beat = time.Now()
			t.must(t.encoder.Heartbeat(event.Totals{Events: t.encoder.Written()}))
		}
	}
}

// emit tells of one exec.
func (t *tracer) emit() {
	n := t.emitted.Add(1)
	p := &wire.Process{Process: event.Process{ExecID: fmt.Sprintf("%s:%d", t.config.Node, n), Binary: "/bin/true", Arguments: fmt.Sprint(n)}}
	if len(t.config.Targets.Pods) > 0 {
		p.PodUID = t.config.Targets.Pods[0].UID
	}
	t.must(t.encoder.Add(wire.Event{ProcessID: p.ExecID, Event: event.Event{ProcessExec: &event.ProcessExec{}}}, p))
	t.must(t.encoder.Flush())
}

// must is for writing to memory, which does not fail.
func (t *tracer) must(err error) {
	if err != nil {
		panic(err)
	}
}

func terminated(code int32, reason, message string) *corev1.ContainerStateTerminated {
	return &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason, Message: message, FinishedAt: metav1.Now()}
}

// line is one of a log, with its line feed.
type line struct {
	at   time.Time
	text string
}

// lines are a log.
type lines struct {
	mu     sync.Mutex
	all    []line
	closed bool
	more   chan struct{} // closed and replaced when there is more
}

// Write takes one frame.
func (l *lines) Write(frame []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, line{time.Now(), string(frame)})
	l.wake()
	return len(frame), nil
}

func (l *lines) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.wake()
}

func (l *lines) wake() {
	close(l.more)
	l.more = make(chan struct{})
}

// from are the lines from a number on; more is closed when there are others, over: none come any more.
func (l *lines) from(number int) (all []line, more <-chan struct{}, over bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all[number:], l.more, l.closed
}
