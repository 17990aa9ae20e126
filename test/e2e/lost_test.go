// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// A tracer that is lost is followed by another, and it is said between what times nothing was seen.
func TestLostTracers(t *testing.T) {
	s := newScene(t)
	s.pod("busy", nil, shell(s.nodes[0], sayName))
	s.pod("node", nil, onHost(shell(s.nodes[0], "sleep 1000000")))
	t.Run("by", func(t *testing.T) {
		for name, lose := range map[string]func(*running) (why string){
			"deletion": deleteTracer,
			"kill":     killTracer,
			"silence":  stopPlugin,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s.apart(t).tracesAgain(lose)
			})
		}
	})
}

// onHost lets a pod see and end the processes of its node.
func onHost(spec corev1.PodSpec) corev1.PodSpec {
	spec.HostPID = true
	spec.Containers[0].SecurityContext = &corev1.SecurityContext{Privileged: new(true)}
	return spec
}

// betweenTimes is what is said of the time in which nothing was seen.
var betweenTimes = regexp.MustCompile(`traced again: nothing was seen here between (\d\d:\d\d:\d\d) and (\d\d:\d\d:\d\d)`)

func (s *scene) tracesAgain(lose func(*running) (why string)) {
	s.Helper()
	r := s.start("exec", "busy")
	isEcho := func(e *event.Event) bool { return execOf(e, "busy", "/bin/echo") }
	r.await("event", isEcho)
	why := lose(r)
	lost := time.Now()
	again := r.await("word of the time in which nothing was seen", func(e *event.Event) bool {
		return e.Notice != nil && betweenTimes.MatchString(e.Notice.Text)
	})
	r.await("event of the next tracer", func(e *event.Event) bool { return isEcho(e) && e.Time.After(again.Time.Time) })
	got := r.end()
	if got.code != 0 || !strings.Contains(got.stderr, "nothing is seen here since") || !strings.Contains(got.stderr, why) {
		s.Errorf("exit code %d, stderr lacks %q:\n%s", got.code, why, got.stderr)
	}
	said := betweenTimes.FindStringSubmatch(again.Notice.Text)
	s.nothingSeen(r, secondOfDay(lost, said[1]), secondOfDay(lost, said[2]))
}

// secondOfDay is a clock's time on the day of another, or the next one.
func secondOfDay(of time.Time, clock string) time.Time {
	var h, m, second int
	_, _ = fmt.Sscanf(clock, "%d:%d:%d", &h, &m, &second)
	at := time.Date(of.Year(), of.Month(), of.Day(), h, m, second, 0, of.Location())
	if at.Before(of.Add(-12 * time.Hour)) {
		at = at.AddDate(0, 0, 1)
	}
	return at
}

// nothingSeen checks that the times that were said, which are cut to the second, are those between which there are no events.
func (s *scene) nothingSeen(r *running, since, until time.Time) {
	s.Helper()
	var last, next time.Time
	for i := range r.events {
		e := &r.events[i]
		switch {
		case !execOf(e, "busy", "/bin/echo"):
		case e.Time.Before(until.Add(-time.Second)) && !e.Time.After(since.Add(2*time.Second)):
			last = e.Time.Time
		case e.Time.After(until) && next.IsZero():
			next = e.Time.Time
		case e.Time.After(since.Add(2*time.Second)) && e.Time.Before(until.Add(-time.Second)):
			s.Errorf("an event at %s, where nothing is said to have been seen from %s to %s", e.Time, since, until)
		}
	}
	if next.Sub(until) > 3*time.Second || since.Sub(last) > 3*time.Second || since.After(until) {
		s.Errorf("nothing is said to have been seen from %s to %s, events are missing from %s to %s", since, until, last, next)
	}
}

// deleteTracer deletes the tracer's pod, as an eviction does.
func deleteTracer(r *running) string {
	for _, p := range r.tracerPods(r.Context()) {
		if err := client.CoreV1().Pods(r.tracers).Delete(r.Context(), p.Name, metav1.DeleteOptions{GracePeriodSeconds: new(int64(0))}); err != nil {
			r.Error(err)
		}
	}
	return ""
}

// killTracer kills the tracer's process, as the kernel does that is out of memory.
func killTracer(r *running) string {
	for _, p := range r.tracerPods(r.Context()) {
		_, id, _ := strings.Cut(p.Status.ContainerStatuses[0].ContainerID, "://")
		r.execIn("node", "/bin/sh", "-c", `for p in /proc/[0-9]*; do case $(cat $p/cgroup 2>/dev/null) in *`+id+`*) kill -9 ${p#/proc/}; esac; done`)
	}
	return "exit code 137"
}

// stopPlugin stops the command for so long that its tracer takes it for dead, and some seconds more, in which nothing is seen.
func stopPlugin(r *running) string {
	_ = r.cmd.Process.Signal(syscall.SIGSTOP)
	r.eventually("end of the tracer", func(ctx context.Context) bool {
		pods := r.tracerPods(ctx)
		if len(pods) != 1 || len(pods[0].Status.ContainerStatuses) == 0 {
			return false
		}
		ended := pods[0].Status.ContainerStatuses[0].State.Terminated
		return ended != nil && time.Since(ended.FinishedAt.Time) > 6*time.Second
	})
	_ = r.cmd.Process.Signal(syscall.SIGCONT)
	return "took this command for dead"
}
