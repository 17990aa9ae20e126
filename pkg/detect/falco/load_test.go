// SPDX-License-Identifier: Apache-2.0

package falco

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/rulefile"
)

// ruleText is a rule that is sound but for what a test puts into it.
func ruleText(name, condition string, more ...string) string {
	return fmt.Sprintf("- rule: %s\n  desc: d\n  condition: %s\n  output: o\n  priority: INFO\n", name, condition) +
		strings.Join(append(more, ""), "\n")
}

func loadTexts(options Options, texts ...string) *Engine {
	files := make([]rulefile.File, len(texts))
	for i, content := range texts {
		files[i] = rulefile.File{Name: fmt.Sprintf("%d.yaml", i+1), Content: []byte(content)}
	}
	return Load(files, options)
}

// Each mistake with its place, and the sound rule beside it is loaded all the same.
func TestMistakes(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"no YAML", "- rule: [", "1.yaml:1: LOAD_ERR_YAML_PARSE: yaml"},
		{"no array", "rule: x", "1.yaml:1:1: LOAD_ERR_YAML_VALIDATE: rules content is not a YAML array of objects"},
		{"a scalar", "- x", "1.yaml:1:3: LOAD_ERR_YAML_VALIDATE: unexpected element"},
		{"unknown item", "- rules: x", "1.yaml:1:3: LOAD_UNKNOWN_ITEM: unknown top level item: want one of required_engine_version required_plugin_versions macro list rule; did you mean rule?"},
		{"no condition", "- macro: m", "1.yaml:1:3: macro 'm': LOAD_ERR_YAML_VALIDATE: item has no mapping for key 'condition'"},
		{"no items", "- list: l", "1.yaml:1:3: list 'l': LOAD_ERR_YAML_VALIDATE: item has no mapping for key 'items'"},
		{"items no list", "- list: l\n  items: x", "1.yaml:2:10: list 'l': LOAD_ERR_YAML_VALIDATE: 'items' is a list"},
		{"no name", "- list: ''\n  items: []", "1.yaml:1:9: LOAD_ERR_YAML_VALIDATE: the name of a list"},
		{"no desc", "- rule: r\n  condition: a\n  output: o\n  priority: INFO", "1.yaml:1:3: rule 'r': LOAD_ERR_YAML_VALIDATE: item has no mapping for key 'desc'"},
		{"priority", "- rule: r\n  desc: d\n  condition: a\n  output: o\n  priority: Warnin", "1.yaml:5:13: rule 'r': LOAD_ERR_YAML_VALIDATE: invalid priority 'Warnin'; did you mean Warning?"},
		{"unknown key", ruleText("r", "evt.type=open", "  tag: [x]"), "1.yaml:6:3: rule 'r': LOAD_UNKNOWN_KEY: unknown key 'tag' of a rule; did you mean tags?"},
		{"key twice", ruleText("r", "evt.type=open", "  desc: e"), "1.yaml:6:3: LOAD_UNKNOWN_KEY: key 'desc' stands twice"},
		{"enabled", ruleText("r", "evt.type=open", "  enabled: maybe"), "1.yaml:6:12: rule 'r': LOAD_ERR_YAML_VALIDATE: 'enabled' is true or false"},
		{"source", ruleText("r", "evt.type=open", "  source: k8s_audit"), "1.yaml:6:11: rule 'r': LOAD_UNKNOWN_SOURCE: unknown source k8s_audit"},
		{"grammar", ruleText("r", "evt.type=open andd a"), "1.yaml:3:28: rule 'r': LOAD_ERR_COMPILE_CONDITION: unexpected token \"andd\""},
		{"folded", ruleText("r", ">\n    evt.type=open\n    and (proc.name = x\n    or fd.num >= y)"), "1.yaml:6:18: rule 'r': LOAD_ERR_COMPILE_CONDITION: expected a decimal number, found \"y\""},
		{"quoted", ruleText("r", `'evt.type=open and proc.name = ''it'' and fd.num >= y'`), "1.yaml:3:66: rule 'r': LOAD_ERR_COMPILE_CONDITION: expected a decimal number"},
		{"unknown field", ruleText("r", "evt.type=open and proc.nam=x"), "1.yaml:3:32: rule 'r': LOAD_ERR_COMPILE_CONDITION: filter_check called with nonexistent field proc.nam; did you mean proc.name?"},
		{"unknown event", ruleText("r", "evt.type in (open, opneat)"), "1.yaml:3:33: rule 'r': LOAD_ERR_COMPILE_CONDITION: unknown event type opneat; did you mean openat?"},
		{"unknown macro", "- macro: never_true\n  condition: (evt.num=0)\n" + ruleText("r", "evt.type=open and nevr_true"), "1.yaml:5:32: rule 'r': LOAD_ERR_COMPILE_CONDITION: Undefined macro 'nevr_true' used in filter.; did you mean never_true?"},
		{"unknown list", "- list: shells\n  items: [sh]\n" + ruleText("r", "evt.type=open and proc.name in shels"), "1.yaml:5:45: rule 'r': LOAD_ERR_COMPILE_CONDITION: there is no list 'shels'; did you mean shells?"},
		{"operator", ruleText("r", "evt.type=open and evt.is_open_read contains x"), "1.yaml:3:49: rule 'r': LOAD_ERR_COMPILE_CONDITION: operator contains can't be used on evt.is_open_read, which is a boolean"},
		{"constant", ruleText("r", "evt.type=open and proc.tty in (1, x)"), "1.yaml:3:48: rule 'r': LOAD_ERR_COMPILE_CONDITION: proc.tty is a number"},
		{"output", "- rule: r\n  desc: d\n  condition: evt.type=open\n  output: a %proc.nam\n  priority: INFO", "1.yaml:4:13: rule 'r': LOAD_ERR_COMPILE_OUTPUT: unknown field %proc.nam; did you mean %proc.name?"},
		{"percent", "- rule: r\n  desc: d\n  condition: evt.type=open\n  output: 100%%\n  priority: INFO", "1.yaml:4:14: rule 'r': LOAD_ERR_COMPILE_OUTPUT: a % begins a field"},
		{"loop", "- macro: a\n  condition: evt.num=0\n- macro: b\n  condition: a\n- macro: a\n  condition: b\n", "LOAD_ERR_COMPILE_CONDITION: reference loop in macro"},
		{"order", "- macro: a\n  condition: b\n- macro: b\n  condition: evt.num=0\n", "1.yaml:2:14: macro 'a': LOAD_ERR_COMPILE_CONDITION: Undefined macro 'b' used in filter.; it is defined at 1.yaml:3:3, after the last definition of macro 'a'"},
		{"itself", "- macro: a\n  condition: a\n", "1.yaml:2:14: macro 'a': LOAD_ERR_COMPILE_CONDITION: Undefined macro 'a' used in filter."},
		{"appended", ruleText("r", "evt.type=open") + "- rule: r\n  condition: >\n    and proc.name=x\n      and proc.nme=y\n  override: {condition: append}\n", "1.yaml:9:11: rule 'r': LOAD_ERR_COMPILE_CONDITION: filter_check called with nonexistent field proc.nme"},
		{"double quotes", ruleText("r", "\"evt.type=open and proc.name = \\\"a b\\\" and proc.nme=y\""), "1.yaml:3:57: rule 'r': LOAD_ERR_COMPILE_CONDITION: filter_check called with nonexistent field proc.nme"},
		{"macro of a macro", "- macro: a\n  condition: proc.nme=x\n- macro: b\n  condition: a or evt.num=0\n" + ruleText("r", "evt.type=open and b"), "1.yaml:7:32: rule 'r': LOAD_ERR_COMPILE_CONDITION: macro 'b' (1.yaml:3:3): filter_check called with nonexistent field proc.nme"},
		{"list loop", "- list: a\n  items: [x]\n- list: b\n  items: [a]\n- list: a\n  items: [b]\n", "list 'a': LOAD_ERR_VALIDATE: reference loop in list 'a'"},
		{"list item", "- list: a\n  items: ['\"x']\n", "1.yaml:2:11: list 'a': LOAD_ERR_COMPILE_CONDITION: the quoted text has no end"},
		{"engine", "- required_engine_version: 0.64.0\n", "1.yaml:1:28: LOAD_ERR_VALIDATE: Rules require engine version 0.64.0, but engine version is 0.63.0"},
		{"engine number", "- required_engine_version: 64\n", "LOAD_ERR_VALIDATE: Rules require engine version 0.64.0, but engine version is 0.63.0"},
		{"engine word", "- required_engine_version: new\n", "LOAD_ERR_YAML_VALIDATE: unable to parse engine version 'new'"},
		{"plugin", "- required_plugin_versions:\n  - name: json\n    version: 0.7.0\n    alternatives:\n    - name: k8saudit\n      version: 0.7.0\n", "LOAD_ERR_VALIDATE: Plugin requirement not satisfied, must load one of: json (>= 0.7.0), k8saudit (>= 0.7.0)"},
		{"append to none", "- list: shels\n  items: [a]\n  override: {items: append}\n", "1.yaml:1:9: list 'shels': LOAD_ERR_VALIDATE: list 'shels' has an 'append' or an override but no list of that name was defined before"},
		{"not under override", "- macro: m\n  condition: evt.num=0\n- macro: m\n  condition: a\n  override: {}\n", "Unexpected key 'condition': no corresponding entry under 'override' is defined."},
		{"not defined", ruleText("r", "evt.type=open") + "- rule: r\n  override: {output: append}\n", "An append override for 'output' was specified but 'output' is not defined"},
		{"no append", ruleText("r", "evt.type=open") + "- rule: r\n  priority: INFO\n  override: {priority: append}\n", "key 'priority' can't be appended to, use replace"},
		{"both", ruleText("r", "evt.type=open") + "- rule: r\n  output: x\n  append: true\n  override: {output: append}\n", "'override' and 'append: true' can't be used together"},
		{"enable none", "- rule: rr\n  enabled: false\n" + ruleText("r", "evt.type=open"), "rule 'rr' has 'enabled' but no rule of that name was defined before"},
		{"exception fields", ruleText("r", "evt.type=open", "  exceptions:", "  - name: e", "    values: [[x]]"), "exception 'e' needs fields"},
		{"exception comps", ruleText("r", "evt.type=open", "  exceptions:", "  - name: e", "    fields: [proc.name]", "    comps: [=, =]"), "exception 'e': Fields and comps lists must have equal length"},
		{"exception values", ruleText("r", "evt.type=open", "  exceptions:", "  - name: e", "    fields: [proc.name]", "    values: [[x, y]]"), "1.yaml:9:14: rule 'r': LOAD_ERR_YAML_VALIDATE: exception 'e': Fields and values lists must have equal length"},
		{"exception field", ruleText("r", "evt.type=open", "  exceptions:", "  - name: e", "    fields: [proc.nme]", "    values: [[x]]"), "filter_check called with nonexistent field proc.nme; did you mean proc.name?"},
		{"exception operator", ruleText("r", "evt.type=open", "  exceptions:", "  - name: e", "    fields: proc.name", "    comps: startswith", "    values: [x]"), "with one field the operator takes a list"},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := loadTexts(Options{}, test.text, ruleText("sound", "evt.type=execve"))
			if e.Set.Rule("sound") == nil || !slices.ContainsFunc(e.Rules, func(r *Rule) bool { return r.Name == "sound" }) {
				t.Error("the sound rule is not loaded")
			}
			found := false
			var all []string
			for _, p := range e.Problems {
				found = found || strings.Contains(p.Error(), test.want)
				all = append(all, p.Error())
			}
			if !found {
				t.Errorf("want %s\nhave %s", test.want, strings.Join(all, "\n"))
			}
		})
	}
}

func TestReadError(t *testing.T) {
	e := Load(rulefile.Read("testdata/nosuch.yaml"), Options{})
	if len(e.Problems) != 1 || e.Problems[0].Code != rulefile.ErrFileRead {
		t.Errorf("problems: %v", e.Problems)
	}
}

// What the conditions, outputs and tags are after appends and overrides.
func TestChanges(t *testing.T) {
	const base = "- list: l\n  items: [a]\n- macro: m\n  condition: proc.name in (l)\n"
	r := base + ruleText("r", "evt.type=open and m", "  tags: [x]")
	for _, test := range []struct{ name, first, second, condition, output, rest string }{
		{"nothing", r, "", "evt.type = open and proc.name in (a)", "o", "Informational true [x]"},
		{"list append", r, "- list: l\n  items: [b]\n  override: {items: append}", "evt.type = open and proc.name in (a, b)", "o", "Informational true [x]"},
		{"list append, old way", r, "- list: l\n  items: [b]\n  append: true", "evt.type = open and proc.name in (a, b)", "o", "Informational true [x]"},
		{"list replace", r, "- list: l\n  items: [b]\n  override: {items: replace}", "evt.type = open and proc.name in (b)", "o", "Informational true [x]"},
		{"list again", r, "- list: l\n  items: [c]", "evt.type = open and proc.name in (c)", "o", "Informational true [x]"},
		{"list emptied", r, "- list: l\n  items: []", "evt.type = open and proc.name in ()", "o", "Informational true [x]"},
		{"macro append", r, "- macro: m\n  condition: or proc.tty=0\n  append: true", "evt.type = open and (proc.name in (a) or proc.tty = 0)", "o", "Informational true [x]"},
		{"macro replace", r, "- macro: m\n  condition: proc.tty=0\n  override: {condition: replace}", "evt.type = open and proc.tty = 0", "o", "Informational true [x]"},
		{"append is textual", base + ruleText("r", "evt.type=open or evt.type=creat"), "- rule: r\n  condition: and not m\n  override: {condition: append}", "evt.type = open or (evt.type = creat and not proc.name in (a))", "o", "Informational true []"},
		{"rule append", r, "- rule: r\n  output: more\n  tags: [b, x]\n  override: {output: append, tags: append}", "evt.type = open and proc.name in (a)", "o more", "Informational true [b x]"},
		{"rule replace", r, "- rule: r\n  output: n\n  tags: [c]\n  priority: error\n  enabled: false\n  override: {output: replace, tags: replace, priority: replace, enabled: replace}", "evt.type = open and proc.name in (a)", "n", "Error false [c]"},
		{"rule again", r, ruleText("r", "evt.type=creat"), "evt.type = creat", "o", "Informational true []"},
		{"switched off", r, "- rule: r\n  enabled: false", "evt.type = open and proc.name in (a)", "o", "Informational false [x]"},
		{"full definition switches on", r + "- rule: r\n  enabled: false\n", ruleText("r", "evt.type=open"), "evt.type = open", "o", "Informational true []"},
		{"broken definition", r, "- rule: r\n  condition: a\n  output: o\n", "evt.type = open and proc.name in (a)", "o", "Informational true [x]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := loadTexts(Options{NoSuffix: true}, test.first, test.second)
			if len(e.Rules) != 1 {
				t.Fatalf("%d rules: %v", len(e.Rules), e.Problems)
			}
			got := e.Rules[0]
			want := loadTexts(Options{NoSuffix: true}, ruleText("w", test.condition)).Rules[0]
			if sortedTerms(got.Whole.String()) != sortedTerms(want.Whole.String()) {
				t.Errorf("condition %s, want %s", got.Whole, want.Whole)
			}
			if output := got.Rule.Output.String(); output != test.output {
				t.Errorf("output %s", output)
			}
			if rest := fmt.Sprintf("%s %t %v", got.Priority, got.Enabled, got.Tags); rest != test.rest {
				t.Errorf("%s, want %s", rest, test.rest)
			}
		})
	}
}

// A rule keeps the place of its first definition, and says where the last one stands.
func TestOrderAndPlaces(t *testing.T) {
	e := loadTexts(Options{}, ruleText("a", "evt.type=open")+ruleText("b", "evt.type=open"), ruleText("a", "evt.type=creat"),
		"- rule: b\n  tags: [x]\n  override: {tags: append}")
	if len(e.Rules) != 2 || e.Rules[0].Name != "a" || e.Rules[0].Place.String() != "2.yaml:1:3" {
		t.Errorf("rules: %v", e.Rules)
	}
	if b := e.Rules[1]; b.Place.String() != "1.yaml:6:3" || len(b.Changed) != 1 || b.Changed[0].String() != "3.yaml:1:3" {
		t.Errorf("b: %s, changed %v", b.Place, b.Changed)
	}
}

func TestExceptions(t *testing.T) {
	for _, test := range []struct{ name, exceptions, second, want string }{
		{"two fields", "[{name: e, fields: [proc.name, fd.name], comps: [=, startswith], values: [[a, /x], [b, /y]]}]", "",
			"not ((proc.name=a and fd.name startswith /x) or (proc.name=b and fd.name startswith /y))"},
		{"default comps", "[{name: e, fields: [proc.name, proc.pname], values: [[a, b]]}]", "", "not (proc.name=a and proc.pname=b)"},
		{"one field", "[{name: e, fields: proc.name, values: [a, 'b c', '\"d\"']}]", "", "not proc.name in (a, 'b c', d)"},
		{"one field, pmatch", "[{name: e, fields: fd.name, comps: pmatch, values: [/a, /b]}]", "", "not fd.name pmatch (/a, /b)"},
		{"modifier", "[{name: e, fields: proc.name, comps: startswith anyof, values: [a, b]}]", "", "not proc.name startswith anyof (a, b)"},
		{"list in tuple", "[{name: e, fields: [proc.name, fd.name], comps: [in, =], values: [[[a, b], /x], [c, /y]]}]", "",
			"not ((proc.name in (a, b) and fd.name=/x) or (proc.name in (c) and fd.name=/y))"},
		{"list by name", "[{name: e, fields: proc.name, values: [names]}]", "", "not proc.name in (n1, n2)"},
		{"list in parentheses", "[{name: e, fields: [proc.name], comps: [in], values: [['(x, names)']]}]", "", "not proc.name in (x, n1, n2)"},
		{"no values", "[{name: e, fields: [proc.name]}]", "", "evt.type exists"},
		{"append values", "[{name: e, fields: [proc.name], values: [[a]]}]", "exceptions: [{name: e, values: [[b]]}]\n  override: {exceptions: append}",
			"not (proc.name=a or proc.name=b)"},
		{"append to one field", "[{name: e, fields: proc.name, values: [a]}]", "exceptions: [{name: e, values: [b]}]\n  append: true", "not proc.name in (a, b)"},
		{"append a new one", "[{name: e, fields: [proc.name], values: [[a]]}]", "exceptions: [{name: f, fields: [fd.name], values: [[/b]]}]\n  append: true",
			"not proc.name=a and not fd.name=/b"},
		{"replace", "[{name: e, fields: [proc.name], values: [[a]]}]", "exceptions: [{name: f, fields: [fd.name], values: [[/b]]}]\n  override: {exceptions: replace}",
			"not fd.name=/b"},
	} {
		t.Run(test.name, func(t *testing.T) {
			const list = "- list: names\n  items: [n1, n2]\n"
			second := ""
			if test.second != "" {
				second = "- rule: r\n  " + test.second
			}
			e := loadTexts(Options{}, list+ruleText("r", "evt.type=open", "  exceptions: "+test.exceptions), second)
			for _, p := range e.Problems.Errors() {
				t.Error(p)
			}
			want := loadTexts(Options{}, ruleText("r", "evt.type=open and "+test.want))
			open := eventType(t, "open")
			if got, want := e.Specialise(e.Rules[0], open).String(), want.Specialise(want.Rules[0], open).String(); sortedTerms(got) != sortedTerms(want) {
				t.Errorf("%s, want %s", got, want)
			}
		})
	}
	t.Run("fields of replaced", func(t *testing.T) {
		e := loadTexts(Options{}, ruleText("r", "evt.type=open", "  exceptions: [{name: e, fields: [proc.name], values: [[a]]}]"),
			"- rule: r\n  exceptions: [{name: e, values: [[b]]}]\n  override: {exceptions: replace}")
		if len(e.Problems.Errors()) != 1 {
			t.Errorf("problems: %v", e.Problems)
		}
	})
}

// sortedTerms makes the order of terms, which depends on what was built before, the same.
func sortedTerms(condition string) string {
	words := strings.FieldsFunc(condition, func(r rune) bool { return strings.ContainsRune(" ()", r) })
	slices.Sort(words)
	return strings.Join(words, " ")
}

func TestStrict(t *testing.T) {
	good, bad := ruleText("good", "evt.type=open"), ruleText("bad", "evt.typ=open")
	if e := loadTexts(Options{}, good, bad); len(e.Rules) != 1 {
		t.Errorf("%d rules", len(e.Rules))
	}
	if e := loadTexts(Options{Strict: true}, good, bad); len(e.Rules) != 0 || len(e.Problems.Errors()) != 1 {
		t.Errorf("strict: %d rules, %v", len(e.Rules), e.Problems)
	}
	if e := loadTexts(Options{Strict: true}, good); len(e.Rules) != 1 {
		t.Errorf("strict: %d rules of a sound file", len(e.Rules))
	}
}

func TestWarnings(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"many events", ruleText("r", "proc.name=x"), "LOAD_NO_EVTTYPE"},
		{"silenced", ruleText("r", "proc.name=x", "  warn_evttypes: false"), ""},
		{"unknown field left out", ruleText("r", "evt.type=open and proc.nam=x", "  skip-if-unknown-filter: true"), "LOAD_UNKNOWN_FILTER"},
		{"other mistakes are not", ruleText("r", "evt.type=open and proc.tty=x", "  skip-if-unknown-filter: true"), "LOAD_ERR_COMPILE_CONDITION"},
		{"unused", "- macro: m\n  condition: evt.num=0\n- list: l\n  items: []\n", "LOAD_UNUSED_MACRO LOAD_UNUSED_LIST"},
		{"names", "- macro: m-1\n  condition: evt.num=0\n- list: l 1\n  items: []\n", "LOAD_INVALID_MACRO_NAME LOAD_INVALID_LIST_NAME"},
		{"regex", ruleText("r", "evt.type=open and proc.name regex .*abc"), "LOAD_COMPILE_CONDITION"},
		{"field as a value", ruleText("r", "evt.type=open and proc.name = proc.pname"), "LOAD_COMPILE_CONDITION"},
		{"transformer as a value", ruleText("r", `evt.type=open and proc.name = "tolower(proc.pname)"`), "LOAD_COMPILE_CONDITION"},
		{"changing a rule of another source", ruleText("k", "a", "  source: k8s_audit") + "- rule: k\n  tags: [x]\n  override: {tags: append}\n- rule: k\n  enabled: false\n" + ruleText("r", "evt.type=open"), "LOAD_UNKNOWN_SOURCE"},
		{"deprecated field", ruleText("r", "evt.type=open and evt.dir=<"), "LOAD_COMPILE_CONDITION"},
		{"NA", ruleText("r", "evt.type=open and proc.name != <NA>"), "LOAD_UNSAFE_NA_CHECK"},
		{"append", "- list: l\n  items: []\n- list: l\n  items: []\n  append: true\n", "LOAD_DEPRECATED_ITEM"},
		{"deep lists", "- list: a\n  items: [x]\n- list: b\n  items: [a]\n- list: c\n  items: [b]\n", "LOAD_WARNING_EXTENSION"},
		{"exception twice", ruleText("r", "evt.type=open", "  exceptions: [{name: e, fields: [proc.name], values: [[a]]}, {name: e, values: [[b]]}]"), "LOAD_EXCEPTION_NAME_NOT_UNIQUE"},
		{"exception without values", ruleText("r", "evt.type=open", "  exceptions: [{name: e, fields: [proc.name]}]"), "LOAD_APPEND_NO_VALUES"},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := loadTexts(Options{}, test.text)
			for word := range strings.FieldsSeq(test.want) {
				if !slices.ContainsFunc(e.Problems, func(p rulefile.Problem) bool { return string(p.Code) == word }) {
					t.Errorf("no %s: %v", word, e.Problems)
				}
			}
			if errs := e.Problems.Errors(); len(errs) > 0 && !strings.Contains(test.want, "ERR") {
				t.Errorf("errors: %v", errs)
			}
			if test.want == "" && len(e.Problems) > 0 {
				t.Errorf("problems: %v", e.Problems)
			}
		})
	}
}

func TestReport(t *testing.T) {
	e := loadTexts(Options{}, ruleText("r", ">\n    evt.type=open\n    and proc.nam=x"), ruleText("s", "evt.type=open"))
	var b strings.Builder
	e.Problems.Report(&b, e.Set.Files)
	const want = `1.yaml: Invalid
1 Errors:
In rules content: (1.yaml)
    rule 'r': (1.yaml:5:9)
------
and proc.nam=x
    ^
------
LOAD_ERR_COMPILE_CONDITION: filter_check called with nonexistent field proc.nam; did you mean proc.name?
2.yaml: Ok
`
	if b.String() != want {
		t.Errorf("report:\n%s", b.String())
	}
}

// What grows without bounds ends with an error, and soon.
func TestBombs(t *testing.T) {
	var macros, lists strings.Builder
	macros.WriteString("- macro: m0\n  condition: proc.name=x\n")
	lists.WriteString("- list: l0\n  items: [" + strings.Repeat("a, ", 100) + "b]\n")
	for i := 1; i < 60; i++ {
		fmt.Fprintf(&macros, "- macro: m%d\n  condition: (m%d or not m%d)\n", i, i-1, i-1)
		fmt.Fprintf(&lists, "- list: l%d\n  items: [l%d, l%d]\n", i, i-1, i-1)
	}
	deep := "- list: d\n  items: " + strings.Repeat("[", 20000) + "\n"
	aliases := "- list: a\n  items: &a [" + strings.Repeat("x,", 5000) + "]\n" + ruleText("e", "evt.type=open", "  exceptions:", "  - name: e",
		"    fields: [proc.name]", "    values: &v [[*a]]", "  - name: f", "    fields: [proc.name]", "    comps: [in]", "    values: ["+strings.Repeat("[*a],", 3000)+"]")
	for name, text := range map[string]string{
		"macros": macros.String() + ruleText("r", "m59 and evt.type=open"), "lists": lists.String() + ruleText("r", "proc.name in (l59)"),
		"deep": deep, "aliases": aliases, "nul": "\x00", "tag": "- !!binary x", "recursive": "- &a [*a]\n- list: l\n  items: &b [*b]\n",
		"large": "#" + strings.Repeat("x", rulefile.LargestFile+1),
	} {
		if e := loadTexts(Options{}, text); len(e.Problems.Errors()) == 0 {
			t.Errorf("%s: no error", name)
		}
	}
}

// A mistake in a macro is told once for each macro that uses it, in a message that does not grow with each step.
func TestMistakeThroughMacros(t *testing.T) {
	var text strings.Builder
	text.WriteString("- macro: m0\n  condition: proc.nme=x\n")
	for i := 1; i < 300; i++ {
		fmt.Fprintf(&text, "- macro: m%d\n  condition: m%d or evt.num=0\n", i, i-1)
	}
	e := loadTexts(Options{}, text.String()+ruleText("r", "m299"))
	if n := len(e.Problems.Errors()); n != 301 {
		t.Errorf("%d errors", n)
	}
	for _, p := range e.Problems {
		if len(p.Message) > 200 {
			t.Fatalf("message of %d bytes: %.300s", len(p.Message), p.Message)
		}
	}
}
