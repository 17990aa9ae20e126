// SPDX-License-Identifier: Apache-2.0

package sigma_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/sigma"
)

// selectionNames are those that conditions are tested with; the selection NAME holds where the field NAME is 1.
var selectionNames = []string{"a", "b", "s_1", "s_2", "s_3", "f_main.x", "_hidden", "ANDROID"}

// Each condition with the sets of selections that it is true for, of some that are tried.
func TestConditions(t *testing.T) {
	sets := []string{"", "a", "b", "a b", "s_1", "s_1 s_2", "s_1 s_2 s_3", "f_main.x", "_hidden", "a f_main.x", "a b s_1 s_2 s_3 f_main.x _hidden ANDROID", "ANDROID"}
	everything := "a b s_1 s_2 s_3 f_main.x _hidden ANDROID"
	for condition, want := range map[string][]string{
		"a":                          {"a", "a b", "a f_main.x", everything},
		"not a":                      {"", "b", "s_1", "s_1 s_2", "s_1 s_2 s_3", "f_main.x", "_hidden", "ANDROID"},
		"a and b":                    {"a b", everything},
		"a AND B or b":               nil, // names have one case
		"a or b and s_1":             {"a", "a b", "a f_main.x", everything},
		"(a or b) and s_1":           {everything},
		"a and not b":                {"a", "a f_main.x"},
		"not a and not b":            {"", "s_1", "s_1 s_2", "s_1 s_2 s_3", "f_main.x", "_hidden", "ANDROID"},
		"not (a or b) And not s_1":   {"", "f_main.x", "_hidden", "ANDROID"},
		"1 of s_*":                   {"s_1", "s_1 s_2", "s_1 s_2 s_3", everything},
		"any of s_*":                 {"s_1", "s_1 s_2", "s_1 s_2 s_3", everything},
		"2 of s_*":                   {"s_1 s_2", "s_1 s_2 s_3", everything},
		"3 OF s_*":                   {"s_1 s_2 s_3", everything},
		"ALL of s_*":                 {"s_1 s_2 s_3", everything},
		"1 of *x":                    {"f_main.x", "a f_main.x", everything},
		"1 of s_1":                   {"s_1", "s_1 s_2", "s_1 s_2 s_3", everything},
		"1 of them":                  {"a", "b", "a b", "s_1", "s_1 s_2", "s_1 s_2 s_3", "f_main.x", "a f_main.x", everything, "ANDROID"},
		"all of them":                {everything},
		"1 of *":                     {"a", "b", "a b", "s_1", "s_1 s_2", "s_1 s_2 s_3", "f_main.x", "a f_main.x", everything, "ANDROID"},
		"_hidden":                    {"_hidden", everything},
		"a and not 1 of f_main*":     {"a", "a b"},
		"ANDROID":                    {"ANDROID", everything},
		"a\n  and\tb":                {"a b", everything},
		"((a))and(b)":                {"a b", everything},
		"not(a)and(not(b))and(s_1)":  {"s_1", "s_1 s_2", "s_1 s_2 s_3"},
		"a and (2 of s_* or b) or b": {"b", "a b", everything},
	} {
		detection := "  condition: " + fmt.Sprintf("%q", condition) + "\n"
		for _, name := range selectionNames {
			detection += "  " + name + ":\n    " + name + ": 1\n"
		}
		rules, refusals := sigma.Parse("t.yml", []byte(withDetection(detection)))
		if len(refusals) > 0 {
			if want != nil {
				t.Errorf("%q: %v", condition, refusals[0])
			}
			continue
		}
		if want == nil {
			t.Errorf("%q is not refused", condition)
		}
		e := sigma.NewSet(rules).Evaluator()
		for _, set := range sets {
			r := fields{}
			for name := range strings.FieldsSeq(set) {
				r[name] = one("1")
			}
			if got := len(e.Evaluate(r)) == 1; got != slices.Contains(want, set) {
				t.Errorf("%q for {%s}: %v", condition, set, got)
			}
		}
	}
}

func TestListOfConditions(t *testing.T) {
	e := evaluator(t, "  a: {F: 1}\n  b: {F: 2}\n  condition: [a, b]\n")
	for value, want := range map[string]int{"1": 1, "2": 1, "3": 0} {
		if got := len(e.Evaluate(fields{"F": one(value)})); got != want {
			t.Errorf("%s: %d matches", value, got)
		}
	}
}

func TestSelections(t *testing.T) {
	for _, tt := range []struct {
		detection string
		record    fields
		want      bool
	}{
		{"  s: {A: x, B: y}\n", fields{"A": one("x"), "B": one("y")}, true},
		{"  s: {A: x, B: y}\n", fields{"A": one("x")}, false},
		{"  s: [{A: x}, {B: y}]\n", fields{"B": one("y")}, true},
		{"  s: [{A: x}, {B: y}]\n", fields{"A": one("y"), "B": one("x")}, false},
		{"  s: [{A: x, C: z}, {B: y}]\n", fields{"A": one("x")}, false},
		{"  s: [one, two]\n", fields{"": one("text with Two words")}, true},
		{"  s: [one, two]\n", fields{"": one("three")}, false},
		{"  s: one\n", fields{"": one("ONE")}, true},
		{"  s: [0, 6]\n", fields{"": one("init 6")}, true},
		{"  s: ['o*e']\n", fields{"": one("xx o-n-e xx")}, true},
		{"  s: {'|all': [one, two]}\n", fields{"": one("two one")}, true},
		{"  s: {'|all': [one, two]}\n", fields{"": one("two")}, false},
		{"  s: {'|re': 'o.e'}\n", fields{"": one("one")}, true},
		{"  s: {'|all': [one], A: x}\n", fields{"": one("one"), "A": one("y")}, false},
		{"  s: [one, {A: x}]\n", fields{"A": one("x")}, true},
		{"  s: [one, {A: x}]\n", fields{"": one("one")}, true},
		{"  s: [one, {A: x}]\n", fields{"": one("two"), "A": one("y")}, false},
	} {
		e := evaluator(t, tt.detection+"  condition: s\n")
		if got := len(e.Evaluate(tt.record)) == 1; got != tt.want {
			t.Errorf("%s of %v: %v", tt.detection, tt.record, got)
		}
	}
}
