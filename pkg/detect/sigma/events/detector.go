// SPDX-License-Identifier: Apache-2.0

package events

import (
	"slices"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/sigma"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// Match is a rule that an event matched.
type Match struct {
	sigma.Match
	// Operation is what the event tells of.
	Operation Operation
	// Record is the type of the audit daemon's record that matched; empty for rules of the categories.
	Record string
	// AlreadyRunning: the process began before tracing did.
	AlreadyRunning bool
}

// Detector evaluates the rules of a plan over events. It is for one goroutine.
type Detector struct {
	options    Options
	categories map[string]*sigma.Evaluator
	audited    [origins]*sigma.Evaluator
	record     record
	audit      auditRecord
	matches    []Match
	undecided  map[*sigma.Rule]uint64
}

// Detector makes one for the plan's rules that can match.
func (p *Plan) Detector() *Detector {
	d := &Detector{options: p.options, categories: map[string]*sigma.Evaluator{}, undecided: map[*sigma.Rule]uint64{}}
	d.record.options, d.audit.options = &d.options, &d.options
	byCategory := map[string][]*sigma.Rule{}
	var audited [origins][]*sigma.Rule
	for _, rule := range p.Rules {
		if rule.State == Unsupported {
			continue
		}
		if !rule.Source.Auditd() {
			byCategory[rule.Source.Category] = append(byCategory[rule.Source.Category], rule.Rule)
			continue
		}
		for from, tried := range rule.audited {
			if tried {
				audited[from] = append(audited[from], rule.Rule)
			}
		}
	}
	for category, rules := range byCategory {
		d.categories[category] = sigma.NewSet(rules).Evaluator()
	}
	for from, rules := range audited {
		if len(rules) > 0 {
			d.audited[from] = sigma.NewSet(rules).Evaluator()
		}
	}
	return d
}

// Detect returns the rules that an event matches, each once. The result is valid until the next call.
func (d *Detector) Detect(e *event.Event) []Match {
	d.matches = d.matches[:0]
	running := e.ProcessExec != nil && e.Process() != nil && event.ParseFlags(e.Process().Flags)&event.FlagProcFS != 0
	if running && !d.options.Existing {
		return d.matches
	}
	d.byCategory(e, running)
	if d.audited != [origins]*sigma.Evaluator{} {
		d.byRecord(e, running)
	}
	return d.matches
}

// Undecided is how many events each rule might have matched but for what was missing of a value. The map is the detector's own.
func (d *Detector) Undecided() map[*sigma.Rule]uint64 { return d.undecided }

// byCategory evaluates the rules of the category that the event is of.
func (d *Detector) byCategory(e *event.Event, running bool) {
	category, operation := "", OpExec
	if e.ProcessExec != nil {
		category = sigma.ProcessCreation
	} else if h := hookOf(e); h != nil {
		operation = h.Operation
		switch operation {
		case OpConnect, OpAccept:
			if c, ok := connectionOf(e, h); ok {
				d.record.connection, category = c, sigma.NetworkConnection
			}
		default:
			if c := fileChangeOf(e, h); c.isFileEvent(&d.options) {
				d.record.file, category = c, sigma.FileEvent
			}
		}
	}
	evaluator := d.categories[category]
	if evaluator == nil || e.Process() == nil {
		return
	}
	d.record.reset(category, e)
	for _, m := range evaluator.Evaluate(&d.record) {
		d.matches = append(d.matches, Match{m, operation, "", running})
	}
	d.count(evaluator)
}

// byRecord evaluates the rules of the audit daemon over each record that the event would have caused.
func (d *Detector) byRecord(e *event.Event, running bool) {
	operation := OpSyscall
	if e.ProcessExec != nil {
		operation = OpExec
	} else if h := hookOf(e); h != nil {
		operation = h.Operation
	}
	d.eachAuditRecord(e, func(from origin, a *auditRecord) {
		evaluator := d.audited[from]
		if evaluator == nil {
			return
		}
		for _, m := range evaluator.Evaluate(a) {
			if !slices.ContainsFunc(d.matches, func(other Match) bool { return other.Rule == m.Rule }) {
				d.matches = append(d.matches, Match{m, operation, a.kind, running})
			}
		}
		d.count(evaluator)
	})
}

func (d *Detector) count(evaluator *sigma.Evaluator) {
	for _, rule := range evaluator.Undecided() {
		d.undecided[rule]++
	}
}
