// SPDX-License-Identifier: Apache-2.0

package trace

import (
	"fmt"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/exit"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/render"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/replay"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/session"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/wording"
)

// finishReplay prints the summary and turns the result into the exit code.
func (p *replayPlan) finishReplay(v outputs, r replay.Result, failed error) error {
	if failed != nil {
		return failed
	}
	summary := session.Summary{Nodes: r.Nodes, Duration: r.Span}
	if err := render.Summary(v.screen.Err(), summary, nil, v.err); err != nil {
		return fmt.Errorf("write summary: %w", err)
	}
	if p.verb.Closing != nil {
		for _, line := range p.verb.Closing() {
			v.status.Say(event.LevelInfo, line)
		}
	}
	if r.Unread > 0 {
		v.status.Say(event.LevelWarning, fmt.Sprintf("%s can't be read, the first since: %v", wording.Counted(r.Unread, "line"), r.UnreadError))
	}
	if r.Unknown > 0 {
		v.status.Say(event.LevelWarning, wording.Counted(r.Unknown, "line")+" of kinds that this version does not know: left out")
	}
	changed := p.sayVerdict(v, r)
	for _, why := range r.Incomplete {
		v.status.Say(event.LevelError, "INCOMPLETE: "+why)
	}
	switch {
	case len(r.Incomplete) > 0 || changed || r.Unread > 0:
		return exit.Code(exit.Incomplete)
	case p.own.strict && (!summary.Complete() || p.source.Trailer == nil || !p.source.Trailer.Complete):
		v.status.Say(event.LevelWarning, "--strict: the recording lacks events, see the summary")
		return exit.Code(exit.Incomplete)
	}
	return nil
}

// sayVerdict says what the check of the frames came to.
func (p *replayPlan) sayVerdict(v outputs, r replay.Result) (changed bool) {
	for _, report := range r.Reports {
		for _, problem := range report.Problems {
			changed = true
			v.status.Say(event.LevelError, "NOT AS RECORDED: "+report.Name+": "+problem)
		}
		if report.Intact() && report.Chain != "" {
			v.status.Say(event.LevelInfo, fmt.Sprintf("%s is as it was recorded, chain %s", report.Name, report.Chain))
		}
	}
	if len(r.Reports) == 0 && p.source.Manifest() != nil {
		v.status.Say(event.LevelInfo, "only a part was read, and nothing was compared with its chain: kubectl trace-sec verify does")
	}
	return changed
}
