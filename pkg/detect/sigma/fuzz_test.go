// SPDX-License-Identifier: Apache-2.0

package sigma_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/sigma"
)

// seeds are detections with much of the language in them.
var seeds = []string{
	"a: {F|contains: [x, 'y*z']}\n  condition: a",
	"a: {F|endswith: /sh}\n  b_1: {G|re: '^a.c'}\n  b_2: [{F: 1}, {G|cidr: 10.0.0.0/8}]\n  condition: a and not 1 of b_*",
	"k: [one, 'tw?']\n  l: {'|all': [a, b]}\n  condition: k or (l and not k)",
	"a: {F|exists: false}\n  b: {G|gte: 5}\n  c: {F|fieldref|startswith: G}\n  condition: 2 of them",
	"a: {F|contains|all|cased: [A, b]}\n  b: {G: null}\n  condition: [a, not b]",
	"a: {F|re|i: 'x{2,}'}\n  b: {G|neq: ['', 'a\\*b', 'a\\\\*b']}\n  condition: any of *",
	"a: {F|base64|contains: sh}\n  b: {F|windash|contains: ' -c'}\n  c: {F|wide|base64offset|contains: ping}\n  condition: 1 of them",
}

// FuzzParse: whatever the text, each document is a rule that can be evaluated or a refusal that says where and why.
func FuzzParse(f *testing.F) {
	f.Add(nohup)
	for _, seed := range seeds {
		f.Add(withDetection("  " + seed + "\n"))
	}
	f.Add("a: &a [*a]")
	f.Add("title: t\nlogsource: {category: file_event}\ndetection: &d {a: *d, condition: a}\n")
	f.Add("title: t\ncorrelation: {}\n---\naction: reset\n")
	f.Fuzz(func(t *testing.T, text string) {
		rules, refusals := sigma.Parse("fuzz.yml", []byte(text))
		if len(rules)+len(refusals) == 0 {
			t.Error("neither a rule nor a refusal")
		}
		for _, r := range refusals {
			for _, p := range r.Problems {
				if p.File != "fuzz.yml" || p.Message == "" || p.Reason == "" || p.Line == 0 && p.Reason != sigma.ReasonNoRule && p.Reason != sigma.ReasonTooLarge {
					t.Errorf("a problem without a place or reason: %+v", p)
				}
			}
			if len(r.Problems) == 0 || r.Error() == "" {
				t.Error("a refusal without a problem")
			}
		}
		e := sigma.NewSet(rules).Evaluator()
		for _, r := range []fields{{}, {"F": one("x"), "G": one("10.1.2.3"), "": one("one two")}, {"F": {Cut: sigma.Unknown}, "G": {Texts: []string{"5", ""}, Cut: sigma.CutEnd}}} {
			matches := len(e.Evaluate(r))
			if matches+len(e.Undecided()) > len(rules) {
				t.Errorf("%d matches and %d undecided of %d rules", matches, len(e.Undecided()), len(rules))
			}
		}
		for _, rule := range rules {
			rule.Requires("F")
			rule.Excludes("F")
		}
	})
}

// FuzzEvaluate: the evaluator and the reference agree on each rule that loads, alone and beside others. Values are split at commas.
func FuzzEvaluate(f *testing.F) {
	for _, seed := range seeds {
		f.Add(seed, "x,/bin/sh", "abc,10.1.2.3", "one two")
		f.Add(seed, "Abyz xx -c AA==", "7", "a b")
		f.Add(seed, "", "", "")
	}
	f.Fuzz(func(t *testing.T, detection, first, second, text string) {
		whole := withDetection("  " + detection + "\n")
		if !comparable(whole) || !utf8.ValidString(first+second+text) || len(whole) > 4096 {
			return // not in what the reference knows
		}
		rules, refusals := sigma.Parse("fuzz.yml", []byte(whole))
		if len(refusals) > 0 || len(rules) != 1 {
			return
		}
		beside, _ := sigma.Parse("nohup.yml", []byte(nohup+"---\n"+strings.Replace(whole, "title: t", "title: other", 1)))
		e := sigma.NewSet(append(beside[:1:1], rules...)).Evaluator()
		r := fields{}
		for name, value := range map[string]string{"F": first, "G": second, "": text} {
			if value != "" {
				r[name] = sigma.Values{Texts: strings.Split(value, ",")}
			}
		}
		got := len(e.Evaluate(r)) == 1
		if want := (reference{r}).holds(whole); got != want {
			t.Errorf("%s\nof %q: %v, the reference says %v", whole, r, got, want)
		}
		if len(e.Undecided()) > 0 {
			t.Error("undecided, and nothing is cut")
		}
	})
}

// comparable leaves out what the reference has no independent way for, or YAML that it reads in another way than as one rule.
func comparable(text string) bool {
	for _, part := range []string{"windash", "base64offset", "wide", "utf16", "&", "---", "!", "\r", "\u0085", "\u2028", "Inf", "nan", "NaN"} {
		if strings.Contains(text, part) {
			return false
		}
	}
	return utf8.ValidString(text)
}

func TestReferenceKnowsTheItems(t *testing.T) {
	tried := 0
	for _, tt := range itemTests {
		whole := withDetection("  s:\n    " + tt.item + "\n  condition: s\n")
		if !comparable(whole) {
			continue
		}
		tried++
		for want, values := range map[bool][]string{true: tt.yes, false: tt.no} {
			for _, value := range values {
				if !utf8.ValidString(value) || strings.Contains(value+tt.item, "%") || strings.Contains(tt.item, "::ffff") {
					continue // zones and IPv4 in IPv6
				}
				if got := (reference{fields{"F": one(value), "G": one("Value")}}).holds(whole); got != want {
					t.Errorf("the reference: %s of %q: %v", tt.item, value, got)
				}
			}
		}
	}
	if tried < 50 {
		t.Errorf("only %d items", tried)
	}
}
