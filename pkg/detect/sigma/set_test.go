// SPDX-License-Identifier: Apache-2.0

package sigma_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/sigma"
)

// What is missing of a value: what was found stays found; where the missing part could decide, a match is marked, and what did not
// match is told to be undecided.
func TestCutValues(t *testing.T) {
	const matches, truncated, undecided, nothing = "matches", "truncated", "undecided", "nothing"
	for _, tt := range []struct {
		item, value string
		cut         sigma.Cut
		plain, not  string
	}{
		{"F|contains: abc", "x abc y", sigma.CutEnd, matches, nothing},
		{"F|contains: abc", "x", sigma.CutEnd, undecided, truncated},
		{"F|contains: abc", "x", 0, nothing, matches},
		{"F|startswith: abc", "abcd", sigma.CutEnd, matches, nothing},
		{"F|startswith: abc", "ab", sigma.CutEnd, undecided, truncated},
		{"F|startswith: abc", "xab", sigma.CutEnd, nothing, matches},
		{"F|startswith: abc", "abc", sigma.CutStart, truncated, undecided},
		{"F|startswith: abc", "xab", sigma.CutStart, undecided, truncated},
		{"F|endswith: abc", "xabc", sigma.CutEnd, truncated, undecided},
		{"F|endswith: abc", "x", sigma.CutEnd, undecided, truncated},
		{"F|endswith: abc", "xabc", sigma.CutStart, matches, nothing},
		{"F|endswith: abc", "bc", sigma.CutStart, undecided, truncated},
		{"F|endswith: abc", "x", sigma.CutStart, nothing, matches},
		{"F: abc", "abc", sigma.CutEnd, truncated, undecided},
		{"F: abc", "abx", sigma.CutEnd, nothing, matches},
		{"F: 'a*c'", "axc", sigma.CutEnd, truncated, undecided},
		{"F|re: abc", "xabc", sigma.CutEnd, matches, nothing},
		{"F|re: 'abc$'", "xabc", sigma.CutEnd, truncated, undecided},
		{"F|re: '^abc'", "abc", sigma.CutEnd, matches, nothing},
		{"F|re: 'abc'", "x", sigma.CutEnd, undecided, truncated},
		{"F|neq: abc", "abc", sigma.CutEnd, undecided, truncated},
		{"F|neq: abc", "x", sigma.CutEnd, matches, nothing},
		{"F|exists: true", "x", sigma.CutEnd, matches, nothing},
		{"F|gt: 5", "10", sigma.CutEnd, undecided, truncated},
		{"F|cidr: 10.0.0.0/8", "10.0.0.1", sigma.CutEnd, undecided, truncated},
		{"F|contains|all: [a, b]", "a", sigma.CutEnd, undecided, truncated},
		{"F|fieldref: G", "g", sigma.CutEnd, truncated, undecided},
		{"F: x", "", sigma.Unknown, undecided, truncated},
		{"F|exists: true", "", sigma.Unknown, undecided, truncated},
	} {
		for condition, want := range map[string]string{"s": tt.plain, "not s": tt.not} {
			e := evaluator(t, "  s: {"+tt.item+"}\n  condition: "+condition+"\n")
			got := nothing
			switch found := e.Evaluate(fields{"F": {Texts: []string{tt.value}, Cut: tt.cut}, "G": one("g")}); {
			case len(found) == 1 && found[0].Truncated:
				got = truncated
			case len(found) == 1:
				got = matches
			case len(e.Undecided()) == 1:
				got = undecided
			}
			if got != want {
				t.Errorf("%s (%s) of %q cut %d: %s, want %s", condition, tt.item, tt.value, tt.cut, got, want)
			}
		}
	}
}

func TestCutValuesThroughConditions(t *testing.T) {
	cut := fields{"F": {Texts: []string{"abc"}, Cut: sigma.CutEnd}}
	for condition, want := range map[string]string{
		"found and not missing": "truncated", "found or missing": "matches", "1 of *": "matches",
		"missing": "undecided", "missing and never": "nothing", "not (missing and never)": "matches", "found and missing": "undecided",
		"2 of *": "undecided",
	} {
		e := evaluator(t, "  found: {F|contains: b}\n  missing: {F|contains: x}\n  never: {G: 1}\n  condition: "+condition+"\n")
		got := "nothing"
		switch found := e.Evaluate(cut); {
		case len(found) == 1 && found[0].Truncated:
			got = "truncated"
		case len(found) == 1:
			got = "matches"
		case len(e.Undecided()) == 1:
			got = "undecided"
		}
		if got != want {
			t.Errorf("%s: %s, want %s", condition, got, want)
		}
	}
}

// A value that the process chose makes an item true, but excepts it from nothing.
func TestClaimedValues(t *testing.T) {
	const nothing, matches, marked = "nothing", "matches", "marked"
	for _, tt := range []struct{ condition, real, claimed, want string }{
		{"s", "/bin/x", "/sh", marked},
		{"s", "/bin/sh", "/sh", matches},
		{"s", "/bin/x", "/y", nothing},
		{"not s", "/bin/x", "/sh", marked},
		{"not s", "/bin/x", "/y", matches},
		{"not s", "/bin/sh", "/y", nothing},
		{"s and not b", "/bin/x", "/sh", marked},
		{"b and not s", "/usr/bin/b", "/sh", marked},
		{"1 of *", "/usr/bin/b", "/sh", matches},
		{"2 of *", "/usr/bin/b", "/sh", marked},
		{"n", "/bin/x", "/sh", marked},
		{"n", "/bin/sh", "/x", nothing},
		{"r", "/bin/x", "/g", marked},
		{"i", "/bin/x", "/g", marked},
	} {
		e := evaluator(t, "  s: {F|endswith: /sh}\n  b: {F|endswith: /b}\n  condition: "+tt.condition+"\n"+map[string]string{
			"n": "  n: {F|endswith|neq: /sh}\n", "r": "  r: {G|fieldref|endswith: F}\n", "i": "  i: {F|fieldref: G}\n",
		}[tt.condition])
		got := nothing
		if found := e.Evaluate(fields{"F": {Texts: []string{tt.real}, Claimed: []string{tt.claimed}}, "G": one("/g")}); len(found) == 1 {
			if got = matches; found[0].Claimed {
				got = marked
			}
			if found[0].Truncated {
				t.Errorf("%+v: truncated", tt)
			}
		}
		if got != tt.want {
			t.Errorf("%+v: %s", tt, got)
		}
	}
}

// The index leaves out only rules that cannot match.
func TestIndex(t *testing.T) {
	var text strings.Builder
	for i, detection := range []string{
		"{a: {Image|endswith: [/sh, /bash]}, condition: a}",
		"{a: {Image|endswith: bash}, condition: a}",
		"{a: {Image: /bin/sh}, b: {Image|contains: /}, condition: a and b}",
		"{a: {Image|endswith: /sh}, condition: not a}",
		"{a: {Image|endswith: /SH}, b: {Image|endswith: /bash}, condition: a or b}",
		"{a: {Image|endswith: /sh}, b: {Other: x}, condition: a or b}",
		"{a: {Image|endswith|cased: /SH}, condition: a}",
		"{a: {Image|endswith: '/s?'}, condition: a}",
		"{a: {Image|endswith|all: [/sh, h]}, condition: a}",
		"{a: {Image|endswith: /sh}, b: {Image|endswith: /bash}, c: {Image|contains: bin}, condition: 2 of *}",
		"{a: {Image|endswith: /bin/}, condition: a}",
		"{a: {Image: '/*/s?/*/sh'}, condition: a}",
	} {
		fmt.Fprintf(&text, "---\ntitle: '%d'\nlogsource: %s\ndetection: %s\n", i, forProcesses, detection)
	}
	rules, refusals := sigma.Parse("t.yml", []byte(text.String()))
	if len(refusals) > 0 {
		t.Fatal(refusals)
	}
	e := sigma.NewSet(rules).Evaluator()
	for _, tt := range []struct {
		record fields
		want   string
	}{
		{fields{"Image": one("/bin/sh")}, "0 2 4 5 7 8 9"},
		{fields{"Image": one("/bin/SH")}, "0 2 4 5 6 7 8 9"},
		{fields{"Image": one("/usr/bin/bash")}, "0 1 3 4 9"},
		{fields{"Image": {Texts: []string{"/bin/busybox", "/bin/sh"}}}, "0 2 4 5 7 8 9"},
		{fields{"Image": one("/x/sa/y/sh")}, "0 4 5 7 8 11"},
		{fields{"Image": one("sh")}, "3"},
		{fields{"Image": {Texts: []string{"/bin/x"}, Claimed: []string{"/bash"}}}, "0 1 3 4 9"},
		{fields{"Image": one("/bin/")}, "3 10"},
		{fields{"Other": one("x")}, "3 5"},
		{fields{"Image": {Texts: []string{"/bin/sh"}, Cut: sigma.CutStart}}, "0 2 4 5 7 8 9"},
	} {
		var got []string
		for _, m := range e.Evaluate(tt.record) {
			got = append(got, m.Rule.Title)
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%v: %s, want %s", tt.record, got, tt.want)
		}
	}
}

// Items of rules that differ in one thing only are not taken for one another when they are evaluated together.
func TestSimilarItemsTogether(t *testing.T) {
	items := []struct{ item, value string }{ // with a value that tells the item from similar ones; none is no field
		{"F: ab", "ab"}, {"F|cased: AB", "AB"}, {"F|cased: ab", "Ab"}, {"F|contains: ab", "xabx"}, {"F|startswith: ab", "abx"}, {"F|endswith: ab", "xab"},
		{"F|neq: ab", ""}, {"F: [null, ab]", ""}, {"F|exists: true", ""}, {"F|exists: false", ""}, {"F: null", ""}, {"F|re: ab", ""}, {"F|re|i: ab", ""},
		{"F|contains: [ab, cd]", "cd"}, {"F|contains|all: [ab, cd]", "abcd"}, {"G: ab", ""}, {"F|lt: 5", "4"}, {"F|lte: 5", "5"}, {"F|gt: 5", "6"}, {"F: 'a?'", "ax"}, {"F: 'a*'", "axx"},
		{"F|fieldref: G", "g"}, {"F|fieldref: H", "h"}, {"F|fieldref|contains: G", "xg"}, {"F|cidr: 10.0.0.0/8", "10.1.1.1"}, {"F|cidr: 10.0.0.0/16", "10.0.1.1"},
		{"F|windash: -x", "/x"}, {"F: -x", "-x"}, {"F: '?x'", "yx"}, {"F|contains: '1,2'", "1,2"}, {"F|contains: ['1', '2']", "2"},
	}
	var text strings.Builder
	var alone []*sigma.Evaluator
	for i, it := range items {
		fmt.Fprintf(&text, "---\ntitle: '%d'\nlogsource: %s\ndetection: {s: {%s}, condition: s}\n", i, forProcesses, it.item)
		alone = append(alone, evaluator(t, "  s: {"+it.item+"}\n  condition: s\n"))
	}
	rules, refusals := sigma.Parse("t.yml", []byte(text.String()))
	if len(refusals) > 0 {
		t.Fatal(refusals)
	}
	together := sigma.NewSet(rules).Evaluator()
	for _, of := range items {
		r := fields{"F": one(of.value), "G": one("g"), "H": one("h")}
		if of.value == "" {
			delete(r, "F")
		}
		var want, got []string
		for i := range items {
			if len(alone[i].Evaluate(r)) == 1 {
				want = append(want, items[i].item)
			}
		}
		for _, m := range together.Evaluate(r) {
			got = append(got, items[slices.Index(rules, m.Rule)].item)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: together %q, alone %q", of.value, got, want)
		}
	}
}

func TestRequiresAndExcludes(t *testing.T) {
	prefix := netip.MustParsePrefix("10.0.0.0/8")
	for _, tt := range []struct {
		detection string
		requires  []sigma.Comparison
		excludes  []sigma.Comparison
	}{
		{"{a: {F: [1, x]}, condition: a}", []sigma.Comparison{{Operator: sigma.Equals, Text: "1"}, {Operator: sigma.Equals, Text: "x"}}, nil},
		{"{a: {F|startswith|cased: X}, condition: a}", []sigma.Comparison{{Operator: sigma.StartsWith, Text: "X", Cased: true}}, nil},
		{"{a: {F: 1, G: 2}, b: {F: 3}, condition: a or b}", []sigma.Comparison{{Operator: sigma.Equals, Text: "1"}, {Operator: sigma.Equals, Text: "3"}}, nil},
		{"{a: {F: 1}, b: {G: 3}, condition: a or b}", nil, nil},
		{"{a: {F: 'x*y'}, condition: a}", []sigma.Comparison{{Operator: sigma.StartsWith, Text: "x"}}, nil},
		{"{a: {F|endswith: 'x?y'}, condition: a}", []sigma.Comparison{{Operator: sigma.EndsWith, Text: "y"}}, nil},
		{"{a: {F|contains: 'x?yy'}, condition: a}", []sigma.Comparison{{Operator: sigma.Contains, Text: "yy"}}, nil},
		{"{a: {F: '?*?'}, condition: a}", nil, nil},
		{"{a: {G: 1}, b: {F: 'x*y'}, condition: a and not b}", nil, nil},
		{"{a: {F: [null, 1]}, condition: a}", nil, nil},
		{"{a: {F|neq: 1}, condition: a}", nil, nil},
		{"{a: {F|contains|all: [xx, yy]}, condition: a}", []sigma.Comparison{{Operator: sigma.Contains, Text: "xx"}}, nil},
		{"{a: {G: 1}, b: {F|cidr: 10.0.0.0/8}, condition: a and not b}", nil, []sigma.Comparison{{Operator: sigma.InNetwork, Network: prefix}}},
		{"{a: {G: 1}, b: {F: 1}, c: {F|endswith: 2}, condition: a and not 1 of b and not (c or b)}", nil,
			[]sigma.Comparison{{Operator: sigma.Equals, Text: "1"}, {Operator: sigma.EndsWith, Text: "2"}, {Operator: sigma.Equals, Text: "1"}}},
		{"{a: {G: 1}, b: {F: 1, G: 2}, condition: a and not b}", nil, nil},
		{"{a: {G: 1}, b: {F|contains|all: [x, y]}, condition: a and not b}", nil, nil},
		{"{a: {G: 1}, b: {F: 1}, condition: a or not b}", nil, nil},
	} {
		rules, refusals := sigma.Parse("t.yml", []byte("title: t\nlogsource: "+forProcesses+"\ndetection: "+tt.detection+"\n"))
		if len(refusals) > 0 {
			t.Fatal(refusals)
		}
		if got, ok := rules[0].Requires("F"); ok != (tt.requires != nil) || !sameComparisons(got, tt.requires) && ok {
			t.Errorf("%s requires %+v, want %+v", tt.detection, got, tt.requires)
		}
		if got := rules[0].Excludes("F"); !sameComparisons(got, tt.excludes) {
			t.Errorf("%s excludes %+v, want %+v", tt.detection, got, tt.excludes)
		}
	}
}

// sameComparisons compares without regard to order, which depends on costs.
func sameComparisons(a, b []sigma.Comparison) bool {
	count := map[sigma.Comparison]int{}
	for _, c := range a {
		count[c]++
	}
	for _, c := range b {
		count[c]--
	}
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return true
}

// A value in place of another record's is not remembered.
func TestRecordsDoNotMix(t *testing.T) {
	e := evaluator(t, "  s: {F: a}\n  c: {F|cidr: 10.0.0.0/8}\n  r: {F|fieldref|cased: G}\n  condition: 1 of *\n")
	for i, tt := range []struct {
		record fields
		want   int
	}{
		{fields{"F": one("a")}, 1}, {fields{"F": one("b")}, 0}, {fields{}, 0}, {fields{"F": {Texts: []string{"x", "a"}}}, 1}, {fields{"F": one("x")}, 0},
		{fields{"F": one("10.0.0.1")}, 1}, {fields{"F": one("11.0.0.1")}, 0}, {fields{"F": one("Q"), "G": one("Q")}, 1}, {fields{"F": one("Q"), "G": one("q")}, 0},
	} {
		if got := len(e.Evaluate(tt.record)); got != tt.want {
			t.Errorf("record %d: %d matches, want %d", i, got, tt.want)
		}
	}
}
