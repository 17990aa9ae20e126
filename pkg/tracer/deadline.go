// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tracer

import (
	"fmt"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// endAfter ends the session after so long, if nothing ends it before.
func (s *session) endAfter(span time.Duration) *time.Timer {
	s.until.Store(time.Now().Add(span).UnixNano())
	return time.AfterFunc(span, func() { s.end(ended(event.ByeDeadline)) })
}

// deadManTime is how long hooks stay armed without this process, deadManInterval how often they are told to.
const (
	deadManTime     = 3 * time.Second
	deadManInterval = deadManTime / 6
)

// stayArmed is the sign of life that the kernel side waits for: it keeps hooks armed no longer than the session lasts. That it came too late is told: until now nothing was enforced.
func (s *session) stayArmed(now time.Time) {
	if s.policies == nil || !s.Config.Enforce || now.Sub(s.armed) < deadManInterval {
		return
	}
	span := deadManTime
	if until := s.until.Load(); until != 0 {
		span = min(span, time.Unix(0, until).Sub(now))
	}
	if span <= 0 { // the end is under way
		return
	}
	s.armed = now
	lapsed, err := s.policies.set.StayArmed(span)
	switch {
	case err != nil:
		s.output.notice(event.Notice{Level: event.LevelError, Subject: "enforce", Text: err.Error()})
	case lapsed > 0:
		s.output.notice(event.Notice{Level: event.LevelError, Subject: "enforce", Text: fmt.Sprintf(
			"nothing was enforced for %s: the tracer was frozen, or had no CPU", lapsed.Round(time.Second/10))})
	}
}
