// SPDX-License-Identifier: Apache-2.0

package condition

import (
	"reflect"
	"strings"
	"testing"
)

// plain is a tree without offsets.
func plain(e Expression) any { return strip(reflect.ValueOf(e)).Interface() }

// strip copies a tree with all offsets 0.
func strip(v reflect.Value) reflect.Value {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return v
		}
		to := reflect.New(v.Elem().Type())
		to.Elem().Set(strip(v.Elem()))
		return to
	case reflect.Interface:
		if v.IsNil() {
			return v
		}
		return strip(v.Elem())
	case reflect.Slice:
		to := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		for i := range v.Len() {
			to.Index(i).Set(strip(v.Index(i)))
		}
		return to
	case reflect.Struct:
		to := reflect.New(v.Type()).Elem()
		for i := range v.NumField() {
			if name := v.Type().Field(i).Name; name != "At" && name != "OperatorAt" {
				to.Field(i).Set(strip(v.Field(i)))
			}
		}
		return to
	}
	return v
}

func TestParseAndPrint(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"a", "a"},
		{" a\n and b or c ", "(a and b) or c"},
		{"a or b and c", "a or (b and c)"},
		{"a and (b or c)", "a and (b or c)"},
		{"a or(b)and(c)", "a or (b and c)"},
		{"not a and b", "not a and b"},
		{"not not a", "a"},
		{"not(not (a))", "a"},
		{"not (a or b)", "not (a or b)"},
		{"a and (b and c)", "a and (b and c)"},
		{"evt.num=0", "evt.num = 0"},
		{"container.id!=host", "container.id != host"},
		{"a.b == x", "a.b = x"},
		{"proc.name in (a,b , 'c d',\"e\")", `proc.name in (a, b, "c d", "e")`},
		{"proc.name in()", "proc.name in ()"},
		{"proc.name in names", "proc.name in names"},
		{"proc.pname in (runc:[0:PARENT], <NA>)", "proc.pname in (runc:[0:PARENT], <NA>)"},
		{"fd.name glob /proc/*/environ", "fd.name glob /proc/*/environ"},
		{"proc.aname[2] = x", "proc.aname[2] = x"},
		{`proc.env["A B"]=x`, `proc.env["A B"] = x`},
		{"container.mount.dest[/proc*] exists", "container.mount.dest[/proc*] exists"},
		{`a.b = "x\"y\\z\x41\ "`, `a.b = "x\"y\\zA\\"`},
		{`a.b = 'it\'s'`, `a.b = "it's"`},
		{"a.b = ''", `a.b = ""`},
		{"a.b >= -12.5e+3", "a.b >= -12.5e+3"},
		{"a.b <5", "a.b < 5"},
		{"tolower(proc.name) = x", "tolower(proc.name) = x"},
		{"len(basename(fd.name)) > 3", "len(basename(fd.name)) > 3"},
		{`join(",", (proc.name, 'a', b)) = c`, `join(",", (proc.name, "a", b)) = c`},
		{"concat(proc.name, x, toupper(a.b)) contains y", "concat(proc.name, x, toupper(a.b)) contains y"},
		{"getopt((a, b), 'x') = c", `getopt((a, b), "x") = c`},
		{"proc.name = val(proc.pname)", "proc.name = val(proc.pname)"},
		{"proc.pid > val(proc.ppid)", "proc.pid > val(proc.ppid)"},
		{"proc.name in tolower(proc.pname)", "proc.name in tolower(proc.pname)"},
		{"proc.name startswith anyof (a, b)", "proc.name startswith anyof (a, b)"},
		{"proc.name = oneof(a)", "proc.name = oneof (a)"},
		{"proc.name = oneof", "proc.name = oneof"},
		{"notes and android or oracle", "(notes and android) or oracle"},
		{"proc.name exists and a", "proc.name exists and a"},
		{"fd.name pmatch (/usr, /etc)", "fd.name pmatch (/usr, /etc)"},
		{"proc.cmdline contains -l", "proc.cmdline contains -l"},
		{"tolower", "tolower"}, // without a parenthesis it is a macro's name
		{"val", "val"},
	} {
		e, err := Parse(test.text)
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
			continue
		}
		printed := String(e)
		again, err := Parse(test.want)
		if err != nil {
			t.Errorf("%s: %v", test.want, err)
			continue
		}
		if !reflect.DeepEqual(plain(e), plain(again)) || String(again) != printed {
			t.Errorf("%s: printed %s, want as %s", test.text, printed, test.want)
		}
	}
}

func TestMistakes(t *testing.T) {
	for _, test := range []struct {
		text string
		at   int
		want string
	}{
		{"", 0, "empty"},
		{"  ", 2, "empty"},
		{"a b", 2, "unexpected token \"b\""},
		{"a and", 5, "expected a blank or '(' after 'and'"},
		{"a and ", 6, "expected '(', a field or the name of a macro, found the end"},
		{"(a", 2, "expected a ')'"},
		{"a)", 1, "unexpected token"},
		{"proc.name", 9, "expected an operator"},
		{"proc.name ~ x", 10, "expected an operator"},
		{"proc.name contians x", 10, "did you mean contains?"},
		{"proc.name contains(x)", 10, "expected an operator"},
		{"proc.name in x,", 14, "unexpected token"},
		{"proc.name in (a b)", 16, "expected a ')' after the list"},
		{"proc.name in (a,)", 16, "expected a value"},
		{"proc.name =", 11, "expected a value, found the end"},
		{"proc.name = 'x", 12, "the quoted text has no end"},
		{`proc.name = "\q"`, 13, `unknown escape \q`},
		{`proc.name = "\'"`, 13, `unknown escape \'`},
		{`proc.name = "\x00"`, 13, "NUL"},
		{"proc.name = a\x00b", 12, "NUL"},
		{"fd.num >= 0x10", 10, "expected a decimal number, found \"0x10\""},
		{"fd.num >= abc", 10, "expected a decimal number"},
		{"proc.aname[] = x", 11, "expected an index"},
		{"proc.aname[2 = x", 12, "expected a ']'"},
		{"tolower() = x", 8, "expected a field or a transformer"},
		{"val(proc.name) = x", 3, "unexpected token"},
		{"proc.name = val(x)", 16, "expected a field in val"},
		{"not", 3, "expected a blank or '(' after 'not'"},
		{"=x", 0, "expected '('"},
		{"a = b", 2, "unexpected token"},
		{strings.Repeat("(", 101) + "a", 100, "nested deeper than 100"},
		{strings.Repeat("tolower(", 101) + "a.b", 800, "nested deeper than 100"},
	} {
		_, err := Parse(test.text)
		problem, ok := err.(*Error) //nolint:errorlint // what Parse promises
		switch {
		case !ok:
			t.Errorf("%q: no mistake found, want %s", test.text, test.want)
		case problem.At != test.at || !strings.Contains(problem.Message, test.want):
			t.Errorf("%q: %d: %s; want %d: %s", test.text, problem.At, problem.Message, test.at, test.want)
		}
	}
}

func TestDepthLimit(t *testing.T) {
	if _, err := Parse(strings.Repeat("(", 99) + "a" + strings.Repeat(")", 99)); err != nil {
		t.Errorf("99 parentheses: %v", err)
	}
	if _, err := Parse(strings.Repeat("(", LongestText)); err == nil {
		t.Error("a text of parentheses was read")
	}
	if _, err := Parse(strings.Repeat("not ", 100_000) + "a"); err != nil {
		t.Errorf("100,000 × not: %v", err)
	}
}

func TestItems(t *testing.T) {
	for item, want := range map[string]string{
		"bash":           "bash",
		`"(systemd)"`:    `"(systemd)"`,
		"two words":      `"two words"`,
		"a,b":            "a|b",
		`"a", "b c"`:     `"a"|"b c"`,
		`"sh -c \"x\""`:  `"sh -c \"x\""`,
		"":               `""`,
		"runc:[1:CHILD]": "runc:[1:CHILD]",
		"'single ''":     "error",
		`"unclosed`:      "error",
		"nul\x00":        "error",
	} {
		values, err := Values(item)
		words := make([]string, len(values))
		for i, v := range values {
			words[i] = v.String()
		}
		got := strings.Join(words, "|")
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("%q: %s, want %s", item, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"a and not (b or c)", `proc.name in (x, 'y z') and evt.num=0`, `tolower(fd.name) startswith anyof (a)`, `a.b["x y"] >= -1e3`,
		`join(",", (a.b, c)) = val(d.e)`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := Parse(text)
		if err != nil {
			problem, ok := err.(*Error) //nolint:errorlint // what Parse promises
			if !ok || problem.At < 0 || problem.At > len(text) {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		printed := String(e)
		again, err := Parse(printed)
		if err != nil {
			t.Fatalf("%q printed as %q: %v", text, printed, err)
		}
		if !reflect.DeepEqual(plain(e), plain(again)) {
			t.Fatalf("%q printed as %q is another tree: %q", text, printed, String(again))
		}
	})
}
