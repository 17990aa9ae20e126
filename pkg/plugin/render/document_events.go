// SPDX-License-Identifier: Apache-2.0

package render

import "github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"

// tetragonEvent is an event as Tetragon's API tells it, nil for what it has no word for: tetra getevents ends with an error at
// the first line whose event it does not know. The session log has all of that.
//
// Losses are process_throttle and not rate_limit_info: tetra v1.6 shows the former as "throttle START", and ends at the
// latter with "unknown event type: RATE_LIMIT_INFO" in compact output. The cause and the count stay beside it in a field of
// our own, which tetra leaves out. There is no THROTTLE_STOP: a loss is known only after it has happened.
func tetragonEvent(e *event.Event) *event.Event {
	switch e.Kind() {
	case event.KindHello, event.KindNotice, event.KindBye, event.KindUnknown:
		return nil
	case event.KindLoss:
		throttled := *e
		throttled.ProcessThrottle = &event.ProcessThrottle{Type: event.ThrottleStart, Cgroup: event.ThrottleAll}
		return &throttled
	}
	return e
}

// picked is what a document shows of an event: nil if Tetragon's API does not know it. pick may be nil.
func picked(e *event.Event, pick func(*event.Event) *event.Event) *event.Event {
	known := tetragonEvent(e)
	if known == nil || pick == nil {
		return known
	}
	return pick(known)
}
