// SPDX-License-Identifier: Apache-2.0

package sigma_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/sigma"
)

// withDetection is a rule of which only the detection matters.
func withDetection(detection string) string {
	return "title: t\nlogsource:\n  category: process_creation\n  product: linux\ndetection:\n" + detection
}

// evaluator of a rule with that detection.
func evaluator(t *testing.T, detection string) *sigma.Evaluator {
	t.Helper()
	rules, refusals := sigma.Parse("t.yml", []byte(withDetection(detection)))
	if len(refusals) > 0 || len(rules) != 1 {
		t.Fatalf("%s\n%d rules, refused: %v", detection, len(rules), refusals)
	}
	return sigma.NewSet(rules).Evaluator()
}

// itemTests have an item (a key F with modifiers and its value, as YAML), the values of F that it holds for, and those that it does
// not. absent says whether it holds for a record without F, and empty whether for an empty text.
var itemTests = []struct {
	item          string
	yes, no       []string
	absent, empty bool
}{
	// no modifier
	{item: `F: abc`, yes: []string{"abc", "ABC", "aBc"}, no: []string{"ab", "abcd", "xabc", " abc"}},
	{item: `F: ABC`, yes: []string{"abc", "Abc"}, no: []string{"abd"}},
	{item: `F: ÄÖ`, yes: []string{"äö", "ÄÖ", "äÖ"}, no: []string{"ao"}},
	{item: "F: a\ufffdb", yes: []string{"a\ufffdb"}, no: []string{"a\xffb"}},
	{item: `F: 4000`, yes: []string{"4000"}, no: []string{"400", "40000", "0x4000"}},
	{item: `F: 0x1f`, yes: []string{"31"}, no: []string{"0x1f"}},
	{item: `F: 18446744073709551615`, yes: []string{"18446744073709551615"}, no: []string{"-1"}},
	{item: `F: 1.5`, yes: []string{"1.5"}, no: []string{"1", "15"}},
	{item: `F: -D`, yes: []string{"-D", "-d"}, no: []string{"D"}},
	{item: `F: true`, yes: []string{"true", "TRUE"}, no: []string{"1", "false"}},
	{item: `F: True`, yes: []string{"true"}, no: []string{"1"}},
	{item: `F: 'true'`, yes: []string{"true"}, no: []string{"1"}},
	{item: `F: yes`, yes: []string{"yes"}, no: []string{"true"}},
	{item: `F: 2024-01-02`, yes: []string{"2024-01-02"}, no: []string{"2024"}},
	{item: `F: ''`, no: []string{"a", " "}, empty: true},
	{item: `F: null`, no: []string{"null", "a"}, absent: true},
	{item: `F:`, no: []string{"a"}, absent: true},
	{item: `F: [null, a]`, yes: []string{"a"}, no: []string{"b"}, absent: true},
	{item: `F: ['', a]`, yes: []string{"a"}, no: []string{"b"}, empty: true},
	{item: `F: [a, 7, true]`, yes: []string{"a", "7", "true"}, no: []string{"b", "77"}},
	{item: `F: ' a '`, yes: []string{" a ", " A "}, no: []string{"a", " a", "a "}},

	// wildcards
	{item: `F: 'a*c'`, yes: []string{"ac", "abc", "a/b/c", "A\nC"}, no: []string{"acd", "xac", "a"}},
	{item: `F: 'a?c'`, yes: []string{"abc", "a/c", "aéc", "a\xffc"}, no: []string{"ac", "abbc"}},
	{item: `F: '*'`, yes: []string{"a", "\n"}, empty: true},
	{item: `F: '?*'`, yes: []string{"a", "ab"}},
	{item: `F: '??'`, yes: []string{"ab", "éö"}, no: []string{"a", "abc"}},
	{item: `F: '*a*b*'`, yes: []string{"ab", "xaxbx", "aab"}, no: []string{"ba"}},
	{item: `F: '*ab*b*'`, yes: []string{"abb", "xab-bx"}, no: []string{"ab", "bab"}},
	{item: `F: 'a*a'`, yes: []string{"aa", "aba"}, no: []string{"a"}},
	{item: `F: 'a*ab?b'`, yes: []string{"aabxb", "a-ab-b"}, no: []string{"abxb"}},
	{item: `F: '*?b'`, yes: []string{"ab", "xxb"}, no: []string{"b"}},
	{item: `F: 'a\*c'`, yes: []string{"a*c", "A*C"}, no: []string{"abc", `a\*c`}},
	{item: `F: 'a\?c'`, yes: []string{"a?c"}, no: []string{"abc"}},
	{item: `F: 'a\\*c'`, yes: []string{`a\c`, `a\xyzc`}, no: []string{"ac", `a\\*`, "a*c"}},
	{item: `F: 'a\\\*c'`, yes: []string{`a\*c`}, no: []string{`a\xc`, `a\\*c`}},
	{item: `F: 'a\b'`, yes: []string{`a\b`}, no: []string{"ab"}},
	{item: `F: 'a\\b'`, yes: []string{`a\\b`}, no: []string{`a\b`}},
	{item: `F: 'ab\'`, yes: []string{`ab\`}, no: []string{"ab"}},

	// contains, startswith, endswith
	{item: `F|contains: 'bc'`, yes: []string{"bc", "abcd", "ABCD"}, no: []string{"b c"}},
	{item: `F|contains: ' -d '`, yes: []string{"x -d y", "x -D y"}, no: []string{"x -d", "-d y"}},
	{item: `F|contains: '/etc/*.conf'`, yes: []string{"sed -i s/a/b/ /etc/x/y.conf more", "/ETC/.CONF"}, no: []string{"/etc/x.con", "x.conf /etc/"}},
	{item: `F|contains: 'a\*b'`, yes: []string{"xa*bx"}, no: []string{"xaxbx"}},
	{item: `F|contains: 12`, yes: []string{"0123"}, no: []string{"1 2"}},
	{item: `F|contains: true`, yes: []string{"untrue"}, no: []string{"tru"}},
	{item: `F|contains: 'a?b'`, yes: []string{"xaxbx", "xa-bx"}, no: []string{"ab"}},
	{item: `F|contains: [a, b]`, yes: []string{"xa", "xb"}, no: []string{"c"}},
	{item: `F|contains|all: [a, b]`, yes: []string{"ab", "ba", "xbxax"}, no: []string{"a", "b"}},
	{item: `F|all|contains: [a, b]`, yes: []string{"ba"}, no: []string{"a"}},
	{item: `F|startswith: '/tmp/'`, yes: []string{"/tmp/", "/TMP/x"}, no: []string{"/tmp", "x/tmp/"}},
	{item: `F|startswith: 'sed -i /^*'`, yes: []string{"sed -i /^", "sed -i /^foo"}, no: []string{"sed -i /"}},
	{item: `F|startswith: 'a*b'`, yes: []string{"ab", "axxbxx"}, no: []string{"xab", "a"}},
	{item: `F|endswith: '/sh'`, yes: []string{"/bin/sh", "/sh", "/BIN/SH"}, no: []string{"sh", "/bin/bash", "/bin/sh "}},
	{item: `F|endswith: 'a?'`, yes: []string{"xab", "ab"}, no: []string{"a", "abc"}},
	{item: `F|endswith: 'a*b'`, yes: []string{"xaxb"}, no: []string{"xaxbx", "b"}},
	{item: `F|startswith|all: [a, ab]`, yes: []string{"abc"}, no: []string{"ac"}},

	// case
	{item: `F|cased: Abc`, yes: []string{"Abc"}, no: []string{"abc", "ABC"}},
	{item: `F|contains|cased: 'B'`, yes: []string{"aBc"}, no: []string{"abc"}},
	{item: `F|cased|endswith: 'B?'`, yes: []string{"aBc", "aBC"}, no: []string{"abc"}},

	// regular expressions
	{item: `F|re: 'b.d'`, yes: []string{"abcde", "bxd"}, no: []string{"BXD", "bd", "b\nd"}},
	{item: `F|re: '^b$'`, yes: []string{"b"}, no: []string{"ab", "B", "a\nb"}},
	{item: `F|re: '\s-[FTd]\s'`, yes: []string{"curl -F x"}, no: []string{"curl -f x", "curl -F"}},
	{item: `F|re: '(.){3,}'`, yes: []string{"abc"}, no: []string{"ab"}},
	{item: `F|re: -(W|R)\s?(\s|"|')([0-9a-fA-F]{2}\s?){2,20}(\s|"|')`, yes: []string{`pnscan -W "ff ee aa" x`}, no: []string{"pnscan -X ff"}},
	{item: `F|re|i: 'b.d'`, yes: []string{"BXD"}, no: []string{"B\nD"}},
	{item: `F|re|s: 'b.d'`, yes: []string{"b\nd"}, no: []string{"B\nD"}},
	{item: `F|re|m: '^b$'`, yes: []string{"a\nb"}, no: []string{"ab"}},
	{item: `F|re|i|m|s: '^b.c$'`, yes: []string{"a\nB\nC"}, no: []string{"ab.c"}},
	{item: `F|re: 42`, yes: []string{"x42x"}, no: []string{"4 2"}},
	{item: `F|re: ['^a', 'b$']`, yes: []string{"ax", "xb"}, no: []string{"xax"}},
	{item: `F|re|all: ['^a', 'b$']`, yes: []string{"axb"}, no: []string{"ax"}},
	{item: `F|re: ''`, yes: []string{"a"}, empty: true},

	// addresses
	{item: `F|cidr: 10.0.0.0/8`, yes: []string{"10.1.2.3", "::ffff:10.1.2.3"}, no: []string{"11.0.0.1", "10.1.2", "ten", "::a01:203"}},
	{item: `F|cidr: ['192.168.0.0/16', 'fe80::/10', '::1/128']`, yes: []string{"192.168.1.1", "fe80::1", "FE80::1", "::1", "fe80::1%eth0"}, no: []string{"::2", "192.169.0.1"}},
	{item: `F|cidr: '::ffff:10.0.0.0/104'`, yes: []string{"10.9.9.9"}, no: []string{"11.9.9.9"}},
	{item: `F|cidr: 127.0.0.1`, yes: []string{"127.0.0.1"}, no: []string{"127.0.0.2"}},

	// presence
	{item: `F|exists: true`, yes: []string{"a"}, empty: true},
	{item: `F|exists: false`, no: []string{"a"}, absent: true},
	{item: `F|exists: 'true'`, yes: []string{"a"}, empty: true},

	// numbers
	{item: `F|lt: 10`, yes: []string{"9", "-1", "9.5"}, no: []string{"10", "11", "x", "1e1"}},
	{item: `F|lte: 10`, yes: []string{"9", "10"}, no: []string{"10.1", "0x1"}},
	{item: `F|gt: '10'`, yes: []string{"11", "+11"}, no: []string{"10", "9", "Inf", "nan"}},
	{item: `F|gte: 10.5`, yes: []string{"10.5", "11"}, no: []string{"10"}},
	{item: `F|gt: [5, 100]`, yes: []string{"6"}, no: []string{"5"}},

	// not equal
	{item: `F|neq: abc`, yes: []string{"ab", "x"}, no: []string{"abc", "ABC"}, empty: true},
	{item: `F|neq: [a, b]`, yes: []string{"c"}, no: []string{"a", "B"}, empty: true},
	{item: `F|contains|neq: b`, yes: []string{"a"}, no: []string{"abc"}, empty: true},

	// another field: G is "Value"
	{item: `F|fieldref: G`, yes: []string{"Value", "value"}, no: []string{"G", "Val"}},
	{item: `F|fieldref|cased: G`, yes: []string{"Value"}, no: []string{"value"}},
	{item: `F|fieldref|contains: G`, yes: []string{"a value b"}, no: []string{"alue"}},
	{item: `F|fieldref|startswith: G`, yes: []string{"value b"}, no: []string{"a value"}},
	{item: `F|fieldref|endswith: G`, yes: []string{"a value"}, no: []string{"value b"}},
	{item: `F|fieldref: Nowhere`, no: []string{"Nowhere", "a"}},

	// dashes
	{item: `F|windash|contains: ' -s '`, yes: []string{"x -s y", "x /s y", "x –s y", "x —S y", "x ―s y"}, no: []string{"x s y", "x +s y"}},
	{item: `F|contains|all: [' -s ', a]`, yes: []string{"a -s a"}, no: []string{"a /s a"}},
	{item: `F|windash|contains: 'a / b'`, yes: []string{"a / b"}, no: []string{"a - b"}},
	{item: `F|windash|contains: 'a -'`, yes: []string{"a -", "a /"}, no: []string{"a +"}},
	{item: `F|windash: '/f a-b'`, yes: []string{"-f a-b", "/F a-b"}, no: []string{"-f a/b"}},
	{item: `F|windash|contains|all: ['-a', '-b']`, yes: []string{"/a –b"}, no: []string{"-a"}},
	{item: `F|windash|startswith: '-*x'`, yes: []string{"/abcx"}, no: []string{"abcx"}},

	// encodings
	{item: `F|base64: foobar`, yes: []string{"Zm9vYmFy"}, no: []string{"foobar", "xZm9vYmFy"}},
	{item: `F|base64|contains: '/bin/sh'`, yes: []string{"echo L2Jpbi9zaA== | base64 -d"}, no: []string{"/bin/sh"}},
	{item: `F|base64offset|contains: '/bin/bash'`, yes: []string{"xxL2Jpbi9iYXNo", "xx9iaW4vYmFza", "xxvYmluL2Jhc2"}, no: []string{"/bin/bash"}},
	{item: `F|base64offset|contains|all: ['foobar', 'x']`, yes: []string{"Zvb2Jhc eHh"}, no: []string{"Zm9vYmF"}},
	{item: `F|wide|base64offset|contains: 'ping'`, yes: []string{"x cABpAG4AZw", "AAaQBuAGcAcABpAG4AZwA"}, no: []string{"ping", "cGluZw=="}},
	{item: `F|utf16le|base64|contains: 'A'`, yes: []string{"QQA="}, no: []string{"AEE="}},
	{item: `F|utf16be|base64|contains: 'A'`, yes: []string{"AEE="}, no: []string{"QQA="}},
	{item: `F|utf16|base64|contains: 'A'`, yes: []string{"//5BAA=="}, no: []string{"QQA="}},
	{item: `F|wide|contains: 'a*b'`, yes: []string{"xa\x00--b\x00"}, no: []string{"ab"}},
}

func TestItems(t *testing.T) {
	used := map[string]bool{}
	for _, tt := range itemTests {
		key, _, _ := strings.Cut(tt.item, ":")
		for _, name := range strings.Split(key, "|")[1:] {
			used[name] = true
		}
		e := evaluator(t, "  s:\n    "+tt.item+"\n  condition: s\n")
		negated := evaluator(t, "  s:\n    "+tt.item+"\n  condition: not s\n")
		check := func(f sigma.Values, what string, want bool) {
			t.Helper()
			r := fields{"F": f, "G": one("Value")}
			if got := len(e.Evaluate(r)) == 1; got != want {
				t.Errorf("%s with %s: %v", tt.item, what, got)
			}
			if got := len(negated.Evaluate(r)) == 1; got == want {
				t.Errorf("not %s with %s: %v", tt.item, what, got)
			}
		}
		for _, value := range tt.yes {
			check(one(value), value, true)
		}
		for _, value := range tt.no {
			check(one(value), value, false)
		}
		check(sigma.Values{}, "no field", tt.absent)
		check(one(""), "an empty text", tt.empty)
	}
	for _, name := range sigma.Modifiers() {
		if !used[name] {
			t.Errorf("no item has the modifier %s", name)
		}
	}
	for name := range used {
		if !slices.Contains(sigma.Modifiers(), name) {
			t.Errorf("%s is not in the table", name)
		}
	}
}

// Several values of a field: one that matches is enough, and a negated item needs that none does.
func TestSetsOfValues(t *testing.T) {
	for _, tt := range []struct {
		item   string
		values []string
		want   bool
	}{
		{"F|endswith: /b", []string{"/a", "/b"}, true},
		{"F|endswith: /b", []string{"/a", "/c"}, false},
		{"F|contains|all: [a, b]", []string{"a", "b"}, false},
		{"F|contains|all: [a, b]", []string{"a", "ab"}, true},
		{"F|neq: a", []string{"a", "b"}, false},
		{"F|neq: a", []string{"c", "b"}, true},
		{"F|fieldref: F", []string{"c", "b"}, true},
	} {
		r := fields{"F": {Texts: tt.values}}
		if got := len(evaluator(t, "  s: {"+tt.item+"}\n  condition: s\n").Evaluate(r)) == 1; got != tt.want {
			t.Errorf("%s of %v: %v", tt.item, tt.values, got)
		}
		if got := len(evaluator(t, "  s: {"+tt.item+"}\n  condition: not s\n").Evaluate(r)) == 1; got == tt.want {
			t.Errorf("not %s of %v: %v", tt.item, tt.values, got)
		}
	}
}
