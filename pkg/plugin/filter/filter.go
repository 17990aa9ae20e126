// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// Options are what the user wrote.
type Options struct {
	// Match are the values by criterion, one of the Keys: those of one are alternatives, all criteria have to match.
	Match map[string][]string
	// Exclude are KEY=VALUE of the same criteria: what one of them matches is left out.
	Exclude []string
	// Redact are regular expressions (RE2) of what nobody may see: their groups, or all that they match if it has none.
	Redact []string
}

// Filter keeps events and redacts them. As a pipeline.Stage it keeps what was asked for. Its methods may be called at the same
// time, but Pass only in the goroutine of the event's node, and Report only before the others.
type Filter struct {
	// wanted are the criteria of which each has to match, unwanted those of which none may.
	wanted, unwanted []criterion
	// descent and descentUnwanted are asked about every event: they learn from each who descends from whom.
	descent, descentUnwanted *ancestry
	redaction                *redaction
	troubles                 []*trouble
}

// criterion says whether an event matches.
type criterion func(*event.Event) bool

// New makes a filter; its error is everything that is wrong with the options.
func New(o Options) (*Filter, error) {
	f := &Filter{}
	var errs []error
	excluded, err := excludes(o.Exclude)
	errs = append(errs, err)
	for _, row := range criteria {
		if list := o.Match[row.key]; len(list) > 0 {
			made, err := row.compile(f, values{list, func(value string) string { return fmt.Sprintf("--%s %q", row.key, value) }})
			errs = append(errs, err)
			f.wanted = add(f.wanted, &f.descent, made)
		}
		if list := excluded[row.key]; len(list) > 0 {
			made, err := row.compile(f, values{list, func(value string) string { return fmt.Sprintf("--exclude %s=%q", row.key, value) }})
			errs = append(errs, err)
			f.unwanted = add(f.unwanted, &f.descentUnwanted, made)
		}
	}
	f.redaction, err = newRedaction(o.Redact)
	return f, errors.Join(append(errs, err)...)
}

// values are those of one key, as the user wrote them.
type values struct {
	list []string
	// where says which one is meant.
	where func(value string) string
}

func (v values) wrong(value string, err error) error {
	return fmt.Errorf("%s: %w", v.where(value), err)
}

// compiled is what the values of one key became: one of the two.
type compiled struct {
	criterion criterion
	ancestry  *ancestry
}

func add(all []criterion, descent **ancestry, made compiled) []criterion {
	if made.ancestry != nil {
		*descent = made.ancestry
	}
	if made.criterion != nil {
		all = append(all, made.criterion)
	}
	return all
}

// excludes sorts KEY=VALUE by key.
func excludes(terms []string) (map[string][]string, error) {
	byKey := map[string][]string{}
	var errs []error
	for _, term := range terms {
		key, value, found := strings.Cut(term, "=")
		switch {
		case !found:
			hint := ""
			if key, value, colon := strings.Cut(term, ":"); colon && slices.Contains(Keys(), key) {
				hint = fmt.Sprintf("; did you mean %s=%s?", key, value)
			}
			errs = append(errs, fmt.Errorf("--exclude %q: want KEY=VALUE, with one of the keys %s%s", term, strings.Join(Keys(), ", "), hint))
		case !slices.Contains(Keys(), key):
			errs = append(errs, fmt.Errorf("--exclude %q: unknown key %q%s", term, key, policy.DidYouMean(key, Keys())))
		default:
			byKey[key] = append(byKey[key], value)
		}
	}
	return byKey, errors.Join(errs...)
}

// Pass says whether an event is shown. What is about no process always is.
func (f *Filter) Pass(it *pipeline.Item) bool {
	e := it.Event
	descends := f.descent == nil || f.descent.has(it)
	excluded := f.descentUnwanted != nil && f.descentUnwanted.has(it)
	if _, ok := e.Subjects(); !ok {
		return true
	}
	matches := func(c criterion) bool { return c(e) }
	return descends && !excluded && !slices.ContainsFunc(f.wanted, func(c criterion) bool { return !c(e) }) &&
		!slices.ContainsFunc(f.unwanted, matches)
}

// Redacts says whether there is anything to take out.
func (f *Filter) Redacts() bool { return !f.redaction.empty() }

// Redaction is the stage that takes from events what nobody may see. It leaves what an event shares with others as it is: the
// processes become copies.
func (f *Filter) Redaction() pipeline.Stage { return redactStage{f.redaction} }

// RedactText takes out the same of a text that is shown beside the events.
func (f *Filter) RedactText(text string) string { return f.redaction.text(text) }

// Report has say told of what goes wrong while events are compared: of each expression once, redacted.
func (f *Filter) Report(say func(text string)) {
	for _, t := range f.troubles {
		t.say = func(text string) { say(f.RedactText(text)) }
	}
}

// Active says whether there are events that are not kept.
func (f *Filter) Active() bool {
	return len(f.wanted)+len(f.unwanted) > 0 || f.descent != nil || f.descentUnwanted != nil
}
