// SPDX-License-Identifier: Apache-2.0

package library

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/rules"
)

// plain is a rule in which nothing is wrong; lines are replaced and added by tests.
const plain = `id: x
title: t
description: d
severity: low
techniques: [T1059]
false_positives: [f]
next_steps: [n]
observe: [exec]
output: "{process.exe}"
tests: {positive: [{run: a}], near_miss: [{run: b}]}
`

func TestMistakes(t *testing.T) {
	for _, test := range []struct{ line, with, want string }{
		{"id: x", "id: 9", "f:1:5: \"9\": want letters"},
		{"id: x\n", "", "f:1:1: a rule lacks id"},
		{"severity: low", "severity: lwo", `f:4:11: "lwo" is none of informational, low, medium, high, critical; did you mean low?`},
		{"severity: low", "severty: low", `f:4:1: a rule has no "severty"; did you mean severity?`},
		{"title: t", "title: t\ntitle: u", "f:3:1: a rule has title twice"},
		{"title: t", "title: ''", "f:2:8: the text is empty"},
		{"T1059", "T59", "f:5:14: \"T59\": want a technique"},
		{"observe: [exec]", "observe: [exc]", `f:8:11: "exc" cannot be observed; did you mean exec?`},
		{"observe: [exec]", "observe: []", "f:8:10: nothing is observed"},
		{"observe: [exec]", "observe: [{open: {pth: {equal: /x}}}]", `f:8:19: open has no "pth"; did you mean path?`},
		{"observe: [exec]", "observe: [{open: {path: {equls: /x}}}]", `did you mean equal?`},
		{"observe: [exec]", "observe: [{open: {path: {}}}]", "f:8:25: path compares with nothing"},
		{"observe: [exec]", "observe: [{open: {access: wrte}}]", "did you mean write?"},
		{"observe: [exec]", "observe: [{connect: {port: x}}]", `f:8:28: "x" is no number`},
		{"observe: [exec]", "observe: [{connect: {address: 1.2.3}}]", `"1.2.3": want an address`},
		{"observe: [exec]", "observe: [{chmod: {mode: {mask: 0o9}}}]", `"0o9" is no number`},
		{"output:", "condition: process.exi == ''\noutput:", `f:9:19: undefined field 'exi'; did you mean exe?`},
		{"output:", "condition: proces.exe == ''\noutput:", `did you mean process?`},
		{"output:", "condition: |\n  true &&\n  process.exi == ''\noutput:", `f:11:8: undefined field 'exi'`},
		{"output:", "condition: process.exe\noutput:", "f:9:12: is of type string, want true or false"},
		{"output:", "condition: process.exe ==\noutput:", "f:9:"},
		{"output:", "key: process.exe\noutput:", "before and key belong together"},
		{"output:", "before: [{observe: [exec], key: process.exe, within: 1d}]\nkey: process.exe\noutput:", `"1d" is no time`},
		{"output:", "count: {by: process.exe, at_least: 1, within: 1m}\noutput:", "1 is not from 2 to 100"},
		{`"{process.exe}"`, `"{process.exe"`, "{ without }"},
		{`"{process.exe}"`, `"{process.exi}"`, "undefined field 'exi'"},
		{`"{process.exe}"`, `"{ancestors}"`, "is of type list(library.Process), want a text or a number"},
		{"output:", "exceptions: [{name: n, match: {process.exe: /x}}]\noutput:", "f:9:31: an exception matches at least 2 fields"},
		{"output:", "exceptions: [{name: n, match: {process.exe: /x, file.path: '*'}}]\noutput:", "* alone is any value"},
		{"tests: {positive: [{run: a}], near_miss: [{run: b}]}\n", "", "f:1:1: a rule lacks tests"},
		{", near_miss: [{run: b}]", "", "f:10:8: tests lacks near_miss"},
		{"[{run: a}]", "[]", "f:10:19: there is no test"},
		{"title: t", "title: &a t", "anchors and aliases are not read"},
		{"title: t", "title: [", "f:"},
		{"tags", "tags", ""},
	} {
		text := strings.Replace(plain, test.line, test.with, 1)
		file, problems := Read("f", []byte(text))
		all := file.Rules
		if test.want == "" {
			if len(all) != 1 || len(problems) != 0 {
				t.Errorf("%v", problems)
			}
			continue
		}
		if len(all) != 0 || len(problems) == 0 || !strings.Contains(fmt.Sprint(problems), test.want) {
			t.Errorf("%q: %v, want %q", test.with, problems, test.want)
		}
	}
}

// A rule in which something is wrong does not take others with it.
func TestOthersAreRead(t *testing.T) {
	text := plain + "---\n" + strings.Replace(plain, "low", "lwo", 1) + "---\n" + strings.Replace(plain, "id: x", "id: y", 1)
	file, problems := Read("f", []byte(text))
	if all := file.Rules; len(all) != 2 || all[1].ID != "y" || len(problems) != 1 || problems[0].Line != 15 {
		t.Errorf("%d rules, %v", len(file.Rules), problems)
	}
	if _, problems := Read("f", make([]byte, largestFile+1)); len(problems) != 1 {
		t.Errorf("%v", problems)
	}
	deep := strings.Repeat("[", 50) + strings.Repeat("]", 50)
	if _, problems := Read("f", []byte("id: "+deep)); len(problems) != 1 || !strings.Contains(problems[0].Text, "deeper") {
		t.Errorf("%v", problems)
	}
}

func TestOwn(t *testing.T) {
	for text, want := range map[string]bool{
		plain: true, "# c\n\n---\nid: x": true, "- rule: x": false, "\n# c\n- macro: y": false, "[]": false, "": false,
	} {
		if got := Own([]byte(text)); got != want {
			t.Errorf("%q: %t", text, got)
		}
	}
}

// Exceptions may be given to rules that are written elsewhere, to several at once.
func TestTuning(t *testing.T) {
	text := "for: [x, z]\nexceptions: [{name: n, match: {process.exe: /a, process.arguments: b}}]\n"
	file, problems := Read("f", []byte(text))
	if len(problems) != 0 || len(file.Tunings) != 1 || len(file.Rules) != 0 {
		t.Fatalf("%+v, %v", file, problems)
	}
	plain := rule(t, "")
	tuned, problems := Tune([]*Rule{plain}, file.Tunings)
	if len(problems) != 1 || problems[0].Error() != `f:1:10: no rule has the id "z"; want one of x` {
		t.Errorf("%v", problems)
	}
	if got := times(tuned[0], ran(0, "c", "/a", "b"), ran(0, "c", "/a", "c")); !slices.Equal(got, []int{0, 1}) || len(plain.Exceptions) != 0 {
		t.Errorf("fired %v; the rule itself has %d exceptions", got, len(plain.Exceptions))
	}
	s := NewSession(tuned)
	s.Evaluate(ran(0, "c", "/a", "b"), nil)
	if troubles := s.Troubles(); len(troubles) != 1 || troubles[0].Excepted != 1 {
		t.Errorf("%+v", troubles)
	}
	for text, want := range map[string]string{
		"for: x\n": "lacks exceptions", "for: x\nexceptions: [{name: n, match: {process.exe: /a}}]\n": "at least 2 fields", "for: x\nid: y\nexceptions: []\n": `has no "id"`,
	} {
		if file, problems := Read("f", []byte(text)); len(file.Tunings) != 0 || len(problems) != 1 || !strings.Contains(problems[0].Text, want) {
			t.Errorf("%q: %v", text, problems)
		}
	}
}

// FuzzRead reads hostile files.
func FuzzRead(f *testing.F) {
	f.Add(plain)
	f.Add("for: x\nexceptions: [{name: n, match: {process.exe: /a, process.arguments: b*}}]\n---\n" + plain)
	for _, name := range []string{"E02-dropped-and-run.yaml", "E14-looking-around.yaml", "N06-raw-socket.yaml", "E01-program-in-memory.yaml"} {
		text, err := fs.ReadFile(rules.Files, name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		file, problems := Read("f", []byte(text))
		all, unknown := Tune(file.Rules, file.Tunings)
		problems = append(problems, unknown...)
		for _, p := range problems {
			if p.Line < 1 || p.Column < 1 || p.Text == "" {
				t.Errorf("%+v", p)
			}
		}
		Hooks(all)
		session := NewSession(all)
		for _, s := range subjects() {
			session.Evaluate(s, nil)
		}
	})
}
