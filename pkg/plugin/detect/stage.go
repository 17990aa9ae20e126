// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"cmp"
	"slices"
	"sync"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
)

// Stage evaluates the rules over each event. It may be called by any number of goroutines.
type Stage struct {
	rules      *Rules
	webhook    *Webhook
	folds      *folds    // nil: all are shown
	evaluators sync.Pool // of []evaluator

	mu    sync.Mutex
	fired map[key]uint64
}

// key identifies a rule.
type key struct{ language, name string }

// Stage makes the stage of a session. webhook gets what rules say; it may be nil. fold leaves repeats out of what is shown.
func (r *Rules) Stage(webhook *Webhook, fold bool) *Stage {
	s := &Stage{rules: r, webhook: webhook, fired: map[key]uint64{}}
	if fold {
		s.folds = newFolds()
	}
	s.evaluators.New = func() any {
		var all []evaluator
		for _, l := range r.languages {
			all = append(all, l.evaluator())
		}
		return &all
	}
	return s
}

// Pass adds what rules say of an event. Events of which they say nothing are filtered out.
func (s *Stage) Pass(it *pipeline.Item) bool {
	if !it.AboutProcess {
		return true
	}
	evaluators := s.evaluators.Get().(*[]evaluator) //nolint:forcetypeassert // what New makes
	defer s.evaluators.Put(evaluators)
	for _, e := range *evaluators {
		it.Event.Detections = e.detections(it, it.Event.Detections)
	}
	if s.rules.chosen != nil {
		it.Event.Detections = slices.DeleteFunc(it.Event.Detections, func(d event.Detection) bool { return !s.rules.chosen[key{d.Language, d.Rule}] })
	}
	if len(it.Event.Detections) == 0 {
		return false
	}
	s.count(it)
	if s.webhook != nil {
		s.webhook.offer(it.Event.Detections)
	}
	if s.folds != nil {
		it.Event.Detections = s.folds.shown(it)
	}
	return len(it.Event.Detections) > 0
}

func (s *Stage) count(it *pipeline.Item) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range it.Event.Detections {
		d := &it.Event.Detections[i]
		s.fired[key{d.Language, d.Rule}]++
	}
}

// Fired is a rule that said something.
type Fired struct {
	Rule
	Times uint64
}

// Fired are the rules that said something so far, the worst first, then the most frequent.
func (s *Stage) Fired() (fired []Fired) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, rule := range s.rules.Sorted() {
		if times := s.fired[key{rule.Language, rule.Name}]; times > 0 {
			fired = append(fired, Fired{rule, times})
		}
	}
	slices.SortStableFunc(fired, func(a, b Fired) int {
		if a.Severity != b.Severity {
			return 0
		}
		return cmp.Compare(b.Times, a.Times)
	})
	return fired
}
