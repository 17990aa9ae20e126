// SPDX-License-Identifier: Apache-2.0

package trace

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// window is the span of time that is shown.
func (p *replayPlan) window() (since, until time.Time, err error) {
	first, last := p.source.Bounds()
	if m := p.source.Manifest(); first.IsZero() && m != nil {
		first = m.Started.Time
	}
	if p.own.last > 0 {
		if last.IsZero() {
			return since, until, errors.New("--last: the file has no index, so that nobody knows when it ends; --since says it")
		}
		return last.Add(-p.own.last), until, nil
	}
	since, err = moment("since", p.own.since, first)
	if err != nil {
		return since, until, err
	}
	until, err = moment("until", p.own.until, first)
	if err == nil && !since.IsZero() && !until.IsZero() && until.Before(since) {
		err = fmt.Errorf("--until %s is before --since %s", p.own.until, p.own.since)
	}
	return since, until, err
}

// moment reads a time; zero for an empty text.
func moment(flag, text string, first time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	d, err := time.ParseDuration(strings.TrimPrefix(text, "+"))
	relative := err == nil && strings.HasPrefix(text, "+")
	for _, layout := range []string{"15:04:05", "15:04"} {
		if t, err := time.Parse(layout, text); err == nil {
			relative, d = true, t.Sub(t.Truncate(24*time.Hour))
			day := first.UTC().Truncate(24 * time.Hour)
			if !first.IsZero() {
				return day.Add(d), nil
			}
		}
	}
	switch {
	case relative && first.IsZero():
		return time.Time{}, fmt.Errorf("--%s %s: the file does not say when it begins: give the time with its date", flag, text)
	case relative:
		return first.Add(d), nil
	}
	return time.Time{}, fmt.Errorf("--%s %q: want a time like 2026-05-01T10:00:00Z, 10:00:00 or +10m", flag, text)
}
