// SPDX-License-Identifier: Apache-2.0

package sigma_test

import (
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/sigma"
)

const linuxProcesses = "logsource: {product: linux, category: process_creation}\n"

// Each text is refused for the reason, at the place, with the words.
func TestRefusals(t *testing.T) {
	detection := "title: t\n" + linuxProcesses + "detection:\n" // the next line is 4
	for _, tt := range []struct {
		text, at string
		reason   sigma.Reason
		message  string
	}{
		{"", "t.yml", sigma.ReasonNoRule, "the file has no rule"},
		{"# nothing\n---\n", "t.yml", sigma.ReasonNoRule, "the file has no rule"},
		{"a: b: c\n", "t.yml:1", sigma.ReasonSyntax, "not YAML: mapping values are not allowed"},
		{"title: x\ndetection:\n  a: [\n", "t.yml:3", sigma.ReasonSyntax, "not YAML"},
		{"- a\n", "t.yml:1:1", sigma.ReasonNoRule, "a rule is a mapping, not a list"},
		{"apiVersion: v1\nkind: Pod\n", "t.yml:1:1", sigma.ReasonNoRule, "neither logsource nor detection"},
		{strings.Repeat("#", sigma.LongestFile+1), "t.yml", sigma.ReasonTooLarge, "larger than 1024 KiB"},

		// not one rule over one event
		{"title: t\ncorrelation:\n  type: event_count\n", "t.yml:2:1", sigma.ReasonCorrelation, "more than one event"},
		{"action: global\ntitle: t\nlogsource: {product: linux}\n", "t.yml:1:1", sigma.ReasonAction, "parts of one rule"},
		{"title: t\n" + linuxProcesses + "filter:\n  rules: [a]\n", "t.yml:3:1", sigma.ReasonFilter, "filter documents"},
		{detection + "  a: {F: x}\n  timeframe: 5m\n  condition: a\n", "t.yml:5:3", sigma.ReasonTimeframe, "timeframe"},
		{detection + "  a: {F: x}\n  condition: a | count() > 5\n", "t.yml:5:16", sigma.ReasonAggregation, "at character 3: aggregations"},
		{detection + "  a: {F|expand: '%x%'}\n  condition: a\n", "t.yml:4:7", sigma.ReasonPlaceholder, "placeholders"},

		// log sources
		{"title: t\nlogsource: {product: windows, category: process_creation}\ndetection: {a: {F: x}, condition: a}\n", "t.yml:2:12", sigma.ReasonProduct, `for "windows"`},
		{"title: t\nlogsource: {product: linux, category: dns_query}\ndetection: {a: {F: x}, condition: a}\n", "t.yml:2:12", sigma.ReasonCategory, `"dns_query"`},
		{"title: t\nlogsource: {product: linux, category: process_creation, service: x}\ndetection: {a: {F: x}, condition: a}\n", "t.yml:2:12", sigma.ReasonCategory, "linux/process_creation/x"},
		{"title: t\nlogsource: {category: webserver}\ndetection: {a: {F: x}, condition: a}\n", "t.yml:2:12", sigma.ReasonCategory, `"webserver"`},
		{"title: t\nlogsource:\n  product: linux\n  service: sshd\ndetection: {a: [x], condition: a}\n", "t.yml:3:3", sigma.ReasonLogText, "log text of linux/sshd"},
		{"title: t\nlogsource: {product: linux}\ndetection: {a: [x], condition: a}\n", "t.yml:2:12", sigma.ReasonLogText, "log text of linux"},
		{"title: t\nlogsource: {}\ndetection: {a: [x], condition: a}\n", "t.yml:2:12", sigma.ReasonInvalid, "neither product"},
		{"title: t\nlogsource: linux\ndetection: {a: [x], condition: a}\n", "t.yml:2:12", sigma.ReasonInvalid, `not "linux"`},

		// what a rule must have
		{linuxProcesses + "detection: {a: {F: x}, condition: a}\n", "t.yml:1:1", sigma.ReasonInvalid, "no title"},
		{"title: t\ndetection: {a: {F: x}, condition: a}\n", "t.yml:1:1", sigma.ReasonInvalid, "no logsource"},
		{"title: t\n" + linuxProcesses, "t.yml:1:1", sigma.ReasonInvalid, "no detection"},
		{detection + "  a: {F: x}\n", "t.yml:3:1", sigma.ReasonInvalid, "no condition"},
		{"title: t\n" + linuxProcesses + "detection: a\n", "t.yml:3:12", sigma.ReasonInvalid, `not "a"`},
		{"title: [t]\n" + linuxProcesses + "detection: {a: {F: x}, condition: a}\n", "t.yml:1:8", sigma.ReasonInvalid, "title must be text"},
		{"title: t\nlevel: severe\n" + linuxProcesses + "detection: {a: {F: x}, condition: a}\n", "t.yml:2:8", sigma.ReasonInvalid, `level "severe": want one of informational, low, medium, high, critical`},
		{"title: t\nstatus: old\n" + linuxProcesses + "detection: {a: {F: x}, condition: a}\n", "t.yml:2:9", sigma.ReasonInvalid, `status "old"`},
		{"title: t\nrelated: x\n" + linuxProcesses + "detection: {a: {F: x}, condition: a}\n", "t.yml:2:10", sigma.ReasonInvalid, "related"},
		{"title: t\ntitle: u\n" + linuxProcesses + "detection: {a: {F: x}, condition: a}\n", "t.yml:2:1", sigma.ReasonInvalid, `"title" is there twice, in line 1 before`},

		// selections
		{detection + "  a: {}\n  condition: a\n", "t.yml:4:6", sigma.ReasonInvalid, "empty"},
		{detection + "  a: []\n  condition: a\n", "t.yml:4:3", sigma.ReasonInvalid, `"a" is empty`},
		{detection + "  a:\n  condition: a\n", "t.yml:4:3", sigma.ReasonInvalid, `"a" is empty`},
		{detection + "  a: [[x]]\n  condition: a\n", "t.yml:4:7", sigma.ReasonInvalid, "a mapping or a keyword, not a list"},
		{detection + "  a: {F: []}\n  condition: a\n", "t.yml:4:7", sigma.ReasonInvalid, "empty list of values"},
		{detection + "  a: {F: {G: x}}\n  condition: a\n", "t.yml:4:10", sigma.ReasonInvalid, "not a mapping"},
		{detection + "  a: {F: [[x]]}\n  condition: a\n", "t.yml:4:11", sigma.ReasonInvalid, "not a list"},
		{detection + "  a: {F: x, F: y}\n  condition: a\n", "t.yml:4:13", sigma.ReasonInvalid, "twice, in line 4"},
		{detection + "  a: {F: x}\n  a: {F: y}\n  condition: a\n", "t.yml:5:3", sigma.ReasonInvalid, "twice, in line 4"},
		{detection + "  b: &b {F: x}\n  a: {<<: *b}\n  condition: a\n", "t.yml:5:7", sigma.ReasonInvalid, "merging"},
		{detection + "  a: {[x]: y}\n  condition: a\n", "t.yml:4:7", sigma.ReasonInvalid, "a key must be text"},
		{detection + "  a: {F: '" + strings.Repeat("x", 5000) + "'}\n  condition: a\n", "t.yml:4:10", sigma.ReasonTooLarge, "longer than 4096 bytes"},
		{detection + "  a: {F: '" + strings.Repeat("?", 65) + "'}\n  condition: a\n", "t.yml:4:10", sigma.ReasonTooLarge, "more than 64"},
		{detection + "  a: {F: [" + strings.Repeat("x,", 10_001) + "]}\n  condition: a\n", "t.yml:4:7", sigma.ReasonTooLarge, "more than 10000 values"},

		{detection + "  a: {F: [" + strings.Repeat("'"+strings.Repeat("?", 50)+"',", 21) + "]}\n  condition: a\n", "t.yml:4:1071", sigma.ReasonTooLarge, "too many together"},
		{detection + "  a: {F|re: [" + strings.Repeat("'.{900}',", 12) + "]}\n  condition: a\n", "t.yml:4:113", sigma.ReasonTooLarge, "too many together"},

		// modifiers
		{detection + "  a:\n    F|contain: x\n  condition: a\n", "t.yml:5:5", sigma.ReasonModifier, `unknown modifier "contain" of "F|contain": want one of contains, `},
		{detection + "  a: {F|: x}\n  condition: a\n", "t.yml:4:7", sigma.ReasonModifier, `unknown modifier ""`},
		{detection + "  a: {F|contains|re: x}\n  condition: a\n", "t.yml:4:7", sigma.ReasonInvalid, "re cannot stand beside contains"},
		{detection + "  a: {F|contains|contains: x}\n  condition: a\n", "t.yml:4:7", sigma.ReasonInvalid, "contains is there twice"},
		{detection + "  a: {F|i: x}\n  condition: a\n", "t.yml:4:7", sigma.ReasonInvalid, "i is a flag of re"},
		{detection + "  a: {F|contains|base64: x}\n  condition: a\n", "t.yml:4:7", sigma.ReasonInvalid, "base64 changes values, and must stand before contains"},
		{detection + "  a: {F|base64|re: x}\n  condition: a\n", "t.yml:4:7", sigma.ReasonInvalid, "base64 cannot stand beside re"},
		{detection + "  a: {F|base64: 'x*'}\n  condition: a\n", "t.yml:4:17", sigma.ReasonInvalid, "wildcard cannot be encoded"},
		{detection + "  a: {F|windash|wide: '-x'}\n  condition: a\n", "t.yml:4:23", sigma.ReasonInvalid, "windash must stand after"},
		{detection + "  a: {F|cidr|cased: x}\n  condition: a\n", "t.yml:4:7", sigma.ReasonInvalid, "cased cannot stand beside cidr"},
		{detection + "  a: {F|fieldref|re: x}\n  condition: a\n", "t.yml:4:7", sigma.ReasonInvalid, "fieldref cannot stand beside re"},
		{detection + "  a: {F|fieldref|base64: x}\n  condition: a\n", "t.yml:4:7", sigma.ReasonInvalid, "fieldref cannot stand beside base64"},
		{detection + "  a: {F|neq|all: x}\n  condition: a\n", "t.yml:4:7", sigma.ReasonInvalid, "neq and all"},
		{detection + "  a: {F|exists|all: true}\n  condition: a\n", "t.yml:4:7", sigma.ReasonInvalid, "exists has no other modifier"},
		{detection + "  a: {F|exists: maybe}\n  condition: a\n", "t.yml:4:7", sigma.ReasonInvalid, "exists wants true or false"},
		{detection + "  a: {F|exists: [true, false]}\n  condition: a\n", "t.yml:4:7", sigma.ReasonInvalid, "exists wants true or false"},
		{detection + "  a: {'|exists': true}\n  condition: a\n", "t.yml:4:7", sigma.ReasonInvalid, "needs the name of a field"},
		{detection + "  a: {F|contains: null}\n  condition: a\n", "t.yml:4:19", sigma.ReasonInvalid, "field is absent"},
		{detection + "  a: {F|lt: x}\n  condition: a\n", "t.yml:4:13", sigma.ReasonInvalid, "lt compares numbers"},
		{detection + "  a: {F|cidr: 10.0.0.0/33}\n  condition: a\n", "t.yml:4:15", sigma.ReasonInvalid, "range of addresses"},
		{detection + "  a: {F|re: '(?=x)'}\n  condition: a\n", "t.yml:4:13", sigma.ReasonRegexp, "RE2"},
		{detection + "  a: {F|re: '(a)\\1'}\n  condition: a\n", "t.yml:4:13", sigma.ReasonRegexp, "RE2"},
		{detection + "  a: {F|re: '" + strings.Repeat(".{1000}", 20) + "'}\n  condition: a\n", "t.yml:4:13", sigma.ReasonRegexp, "too large"},

		// conditions
		{detection + "  a: {F: x}\n  condition: b\n", "t.yml:5:14", sigma.ReasonInvalid, `at character 1: there is no selection "b"`},
		{detection + "  a: {F: x}\n  condition: a and\n", "t.yml:5:19", sigma.ReasonInvalid, "at character 6: want the name of a selection"},
		{detection + "  a: {F: x}\n  condition: 'a and or a'\n", "t.yml:5:21", sigma.ReasonInvalid, `not "or"`},
		{detection + "  a: {F: x}\n  condition: a a\n", "t.yml:5:16", sigma.ReasonInvalid, `"a" does not belong here`},
		{detection + "  a: {F: x}\n  condition: (a\n", "t.yml:5:16", sigma.ReasonInvalid, "want ) here, not the end"},
		{detection + "  a: {F: x}\n  condition: a)\n", "t.yml:5:15", sigma.ReasonInvalid, `")" does not belong here`},
		{detection + "  a: {F: x}\n  condition: a*\n", "t.yml:5:14", sigma.ReasonInvalid, "write 1 of a* or all of a*"},
		{detection + "  a: {F: x}\n  condition: 1 of b*\n", "t.yml:5:19", sigma.ReasonInvalid, `no selection is called "b*"`},
		{detection + "  _a: {F: x}\n  condition: 1 of them\n", "t.yml:5:19", sigma.ReasonInvalid, "begin with _"},
		{detection + "  a: {F: x}\n  condition: 1 of\n", "t.yml:5:18", sigma.ReasonInvalid, "want them or a name"},
		{detection + "  a: {F: x}\n  condition: 0 of a*\n", "t.yml:5:14", sigma.ReasonInvalid, `not "0"`},
		{detection + "  a: {F: x}\n  condition: most of a*\n", "t.yml:5:14", sigma.ReasonInvalid, `not "most"`},
		{detection + "  a: {F: x}\n  condition: 2 of a*\n", "t.yml:5:19", sigma.ReasonInvalid, "can never hold: 1 selections"},
		{detection + "  a: {F: x}\n  condition: not not a\n", "t.yml:5:18", sigma.ReasonInvalid, `not "not"`},
		{detection + "  a: {F: x}\n  condition: |\n    a and\n    b\n", "t.yml:7", sigma.ReasonInvalid, `no selection "b"`},
		{detection + "  a: {F: x}\n  condition: ''\n", "t.yml:5:15", sigma.ReasonInvalid, "empty"},
		{detection + "  a: {F: x}\n  condition: []\n", "t.yml:5:14", sigma.ReasonInvalid, "empty"},
		{detection + "  a: {F: x}\n  condition: {a: b}\n", "t.yml:5:14", sigma.ReasonInvalid, "condition must be text"},
		{detection + "  a: {F: x}\n  condition: " + strings.Repeat("(", 65) + "a" + strings.Repeat(")", 65) + "\n", "t.yml:5:79", sigma.ReasonTooLarge, "64 deep"},
		{detection + "  a: {F: x}\n  condition: " + strings.Repeat("a and ", 3000) + "a\n", "t.yml:5:14", sigma.ReasonTooLarge, "longer than 16384"},
		{detection + "  a: {F: [" + strings.Repeat("x,", 9000) + "]}\n  condition: " + strings.Repeat("a and ", 20) + "a\n", "t.yml:5:80", sigma.ReasonTooLarge, "100000 parts"},
	} {
		rules, refusals := sigma.Parse("t.yml", []byte(tt.text))
		shown := tt.text[:min(len(tt.text), 300)]
		if len(rules) != 0 || len(refusals) != 1 {
			t.Errorf("%s\n%d rules, refused: %v", shown, len(rules), refusals)
			continue
		}
		p := refusals[0].Problems[0]
		if p.Position.String() != tt.at || p.Reason != tt.reason || !strings.Contains(p.Message, tt.message) {
			t.Errorf("%s\nrefused as %q: %v\nwant %q at %s, with %s", shown, p.Reason, p, tt.reason, tt.at, tt.message)
		}
	}
}

// One broken document does not take the others with it, and all of its mistakes are told.
func TestDocumentsStandAlone(t *testing.T) {
	text := nohup + "---\ntitle: broken\nid: b\n" + linuxProcesses + "detection:\n  a: {F|x: 1}\n  b: {G|y: 1}\n  condition: a\n---\n" + nohup
	rules, refusals := sigma.Parse("t.yml", []byte(text))
	if len(rules) != 2 || len(refusals) != 1 {
		t.Fatalf("%d rules, refused: %v", len(rules), refusals)
	}
	if r := refusals[0]; r.Title != "broken" || r.ID != "b" || len(r.Problems) != 2 || r.Problems[1].Line != r.Problems[0].Line+1 {
		t.Errorf("%+v", r)
	}
	if rules[0].Line != 1 || rules[1].Line <= refusals[0].Position().Line {
		t.Errorf("lines %d and %d", rules[0].Line, rules[1].Line)
	}
}

// What is only shown does not take a rule away, and a refusal says whose it is.
func TestWhatIsOnlyShown(t *testing.T) {
	rules, refusals := sigma.Parse("t.yml", []byte("title: t\nauthor: [a, b]\nfalsepositives:\n  - Rare: perhaps\n  - Often\nreferences: https://x/\ntags:\ndescription: [x]\ndate: 2024-01-02\n"+
		"related: [{id: r, type: similar}]\nlogsource: {category: file_event}\ndetection: {s: {F: x}, condition: s}\n---\ntitle: c\nid: i\ncorrelation: {}\n"))
	if len(rules) != 1 || len(refusals) != 1 || refusals[0].Title != "c" || refusals[0].ID != "i" {
		t.Fatalf("%v, refused: %v", rules, refusals)
	}
	r := rules[0]
	if r.Author != "a, b" || len(r.FalsePositives) != 1 || r.FalsePositives[0] != "Often" || len(r.References) != 1 || len(r.Tags) != 0 || r.Date != "2024-01-02" || r.Related[0] != (sigma.Related{ID: "r", Type: "similar"}) {
		t.Errorf("%+v", r)
	}
}

func TestAliasesAreBounded(t *testing.T) {
	var text strings.Builder
	text.WriteString("title: t\n" + linuxProcesses + "x: &x0 [a, a, a, a, a, a, a, a, a, a]\ntags: [&x [")
	text.WriteString(strings.Repeat("a, ", 400) + "]")
	text.WriteString("]\ndetection:\n")
	text.WriteString("  v: &v {F: &l [" + strings.Repeat("a, ", 900) + "]}\n  s: [" + strings.Repeat("*v, ", 900) + "]\n  condition: s\n")
	_, refusals := sigma.Parse("t.yml", []byte(text.String()))
	found := false
	for _, r := range refusals {
		for _, p := range r.Problems {
			found = found || p.Reason == sigma.ReasonTooLarge && strings.Contains(p.Message, "aliases")
		}
	}
	if !found {
		t.Errorf("refused: %v", refusals)
	}
}
