// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tracer

import (
	"fmt"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// deadManTime is how long hooks stay armed without this process, deadManInterval how often they are told to.
const (
	deadManTime     = 3 * time.Second
	deadManInterval = deadManTime / 6
)

// stayArmed is the sign of life that the kernel side waits for. That it came too late is told: until now nothing was enforced.
func (s *session) stayArmed(now time.Time) {
	if s.policies == nil || !s.Config.Enforce || now.Sub(s.armed) < deadManInterval {
		return
	}
	s.armed = now
	lapsed, err := s.policies.set.StayArmed(deadManTime)
	switch {
	case err != nil:
		s.output.notice(event.Notice{Level: event.LevelError, Subject: "enforce", Text: err.Error()})
	case lapsed > 0:
		s.output.notice(event.Notice{Level: event.LevelError, Subject: "enforce", Text: fmt.Sprintf(
			"nothing was enforced for %s: the tracer was frozen, or had no CPU", lapsed.Round(time.Second/10))})
	}
}
