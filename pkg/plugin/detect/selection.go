// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// matches says whether a word names a rule: its name, its id, a tag, a technique (T1059 is also T1059.004), or its severity, and then
// also the severities above it where a plus follows (high+).
func (r *Rule) matches(word string) bool {
	if least, above := strings.CutSuffix(word, "+"); above {
		severities := event.Severities()
		at := slices.Index(severities, event.Severity(least))
		return at >= 0 && slices.Index(severities, r.Severity) >= at
	}
	return strings.EqualFold(word, r.Name) || strings.EqualFold(word, r.ID) || word == string(r.Severity) ||
		slices.ContainsFunc(r.Tags, func(tag string) bool { return strings.EqualFold(tag, word) }) ||
		slices.ContainsFunc(techniques(r.Tags), func(t string) bool {
			return strings.EqualFold(t, word) || strings.HasPrefix(t, strings.ToUpper(word)+".")
		})
}

// choose leaves the rules that one of only names, if there are any, and none of except does. A word that names no rule is an error.
func (r *Rules) choose(only, except []string) error {
	used := map[string]bool{}
	named := func(rule *Rule, words []string) (found bool) {
		for _, word := range words {
			if rule.matches(word) {
				used[word], found = true, true
			}
		}
		return found
	}
	var chosen []Rule
	for i := range r.All {
		rule := &r.All[i]
		wanted, unwanted := named(rule, only), named(rule, except)
		if (wanted || len(only) == 0) && !unwanted {
			chosen = append(chosen, *rule)
		}
	}
	var errs []error
	for _, list := range []struct {
		flag  string
		words []string
	}{{"only", only}, {"except", except}} {
		for _, word := range list.words {
			if !used[word] {
				errs = append(errs, fmt.Errorf("--%s %q names no rule by name, id, tag, technique or severity%s", list.flag, word, policy.DidYouMean(word, r.words())))
			}
		}
	}
	if len(chosen) < len(r.All) {
		r.chosen = map[key]bool{}
		for _, rule := range chosen {
			r.chosen[key{rule.Language, rule.Name}] = true
		}
		r.All = chosen
	}
	return errors.Join(errs...)
}

// words are all that names rules.
func (r *Rules) words() (words []string) {
	for _, rule := range r.All {
		words = append(append(words, rule.Name, rule.ID, string(rule.Severity)), rule.Tags...)
	}
	return words
}
