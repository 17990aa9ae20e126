// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tracer

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/kernel"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// TestThrottles: what is told of a target as its count grows and rests.
func TestThrottles(t *testing.T) {
	const second = uint64(time.Second)
	var list []kernel.Throttled
	var failed error
	var said []string
	reads := 0
	th := throttles{
		read: func() ([]kernel.Throttled, error) { reads++; return list, failed },
		name: func(id uint64) cgroupName { return cgroupName{name: fmt.Sprint("c", id)} },
		at:   func(boot uint64) *event.Timestamp { return &event.Timestamp{Time: time.Unix(0, int64(boot))} },
		tell: func(w wire.Throttle) {
			said = append(said, fmt.Sprint(w.Type[9:], " ", w.Cgroup, " ", w.Count, " ", w.Total, " at ", w.Time.UnixNano()))
		},
		targets: map[uint64]*throttledTarget{},
	}
	for i, step := range []struct {
		list  []kernel.Throttled
		err   error
		total uint64
		now   uint64
		want  []string
		reads int
	}{
		{nil, nil, 0, 1 * second, nil, 0}, // nothing to look for
		{nil, errors.New("x"), 3, 2 * second, nil, 1},
		{[]kernel.Throttled{{Cgroup: 7, Events: 3, First: 5, Latest: 2 * second}}, nil, 3, 2 * second, []string{"START c7 0 0 at 5"}, 2},
		{[]kernel.Throttled{{Cgroup: 7, Events: 9, First: 5, Latest: 3 * second}, {Cgroup: 8, Events: 1, First: 6, Latest: 6}}, nil, 10, 4 * second,
			[]string{"START c8 0 0 at 6", "STOP c8 1 1 at 6"}, 3}, // a second is not over for the one
		{[]kernel.Throttled{{Cgroup: 7, Events: 9, First: 5, Latest: 3 * second}, {Cgroup: 8, Events: 1}}, nil, 10, 4*second + 1, []string{"STOP c7 9 9 at 3000000000"}, 4},
		{nil, nil, 10, 9 * second, nil, 4}, // all have ended
		{[]kernel.Throttled{{Cgroup: 7, Events: 11, First: 8, Latest: 9 * second}}, nil, 12, 9 * second, []string{"START c7 0 9 at 8"}, 5},
	} {
		said, list, failed = nil, step.list, step.err
		th.look(step.total, step.now)
		if !slices.Equal(said, step.want) || reads != step.reads {
			t.Errorf("step %d: said %q after %d reads, want %q after %d", i, said, reads, step.want, step.reads)
		}
	}
	said = nil
	th.forget(kernel.Throttled{Cgroup: 8, Events: 1, Latest: 6}) // what was told is not told again
	th.follow(kernel.Throttled{Cgroup: 8, Events: 1, First: 9 * second, Latest: 9 * second}, 9*second)
	if want := []string{"START c8 0 0 at 9000000000"}; !slices.Equal(said, want) {
		t.Errorf("forgotten, and again: said %q", said)
	}
	said, list = nil, append(list, kernel.Throttled{Cgroup: 8, Events: 1, First: 9 * second, Latest: 9 * second})
	th.finish(12)
	if want := []string{"STOP c7 2 11 at 9000000000", "STOP c8 1 1 at 9000000000"}; !slices.Equal(said, want) {
		t.Errorf("at the end: said %q", said)
	}
}

func TestNameInPath(t *testing.T) {
	path := "/kubepods/pod" + podA + "/" + containerA
	ids := []uint64{1, 20, 30, 40, 0, 0}
	for id, want := range map[uint64]cgroupName{1: {name: event.ThrottleAll}, 20: {name: "kubepods"}, 30: {"pod" + podA, podA}, 40: {containerA, podA}} {
		if got, ok := nameInPath(path, ids, id); !ok || got != want {
			t.Errorf("%d: %+v, %t", id, got, ok)
		}
	}
	for _, id := range []uint64{0, 50} {
		if got, ok := nameInPath(path, ids, id); ok {
			t.Errorf("%d: %+v", id, got)
		}
	}
}
