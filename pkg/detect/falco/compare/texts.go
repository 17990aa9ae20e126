// SPDX-License-Identifier: Apache-2.0

package compare

import (
	"encoding/hex"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"
)

// texts makes the function of an operator on texts and buffers.
func texts(operator string, values []string) (func(*Value) bool, error) {
	switch operator {
	case "in", "intersects":
		in := textIn(values)
		return func(v *Value) bool { return in(v.Text) }, nil
	case "pmatch":
		return pathMatch(values), nil
	}
	want := values[0]
	switch operator {
	case "=":
		return func(v *Value) bool { return v.Text == want }, nil
	case "!=":
		return func(v *Value) bool { return v.Text != want }, nil
	case "<":
		return func(v *Value) bool { return v.Text < want }, nil
	case "<=":
		return func(v *Value) bool { return v.Text <= want }, nil
	case ">":
		return func(v *Value) bool { return v.Text > want }, nil
	case ">=":
		return func(v *Value) bool { return v.Text >= want }, nil
	case "contains":
		return func(v *Value) bool { return strings.Contains(v.Text, want) }, nil
	case "icontains":
		want = Lower(want)
		return func(v *Value) bool { return containsFold(v.Text, want) }, nil
	case "startswith":
		return func(v *Value) bool { return strings.HasPrefix(v.Text, want) }, nil
	case "endswith":
		return func(v *Value) bool { return strings.HasSuffix(v.Text, want) }, nil
	case "bcontains", "bstartswith":
		return bytesOf(operator, want)
	case "glob", "iglob":
		g := newGlob(want, operator == "iglob")
		return func(v *Value) bool { return g.match(v.Text) }, nil
	case "regex":
		return regex(want)
	}
	return nil, &TypeError{-1, "no such operator: " + operator}
}

// fewTexts are compared one by one: up to about that many, a hash is slower.
const fewTexts = 4

func textIn(values []string) func(string) bool {
	if len(values) <= fewTexts {
		return func(text string) bool { return slices.Contains(values, text) }
	}
	set := make(map[string]struct{}, len(values))
	for _, value := range values {
		set[value] = struct{}{}
	}
	return func(text string) bool {
		_, is := set[text]
		return is
	}
}

func bytesOf(operator, digits string) (func(*Value) bool, error) {
	raw, err := hex.DecodeString(digits)
	if err != nil {
		return nil, &TypeError{0, fmt.Sprintf("%s needs bytes as hexadecimal digits: %v", operator, err)}
	}
	want := string(raw)
	if operator == "bstartswith" {
		return func(v *Value) bool { return strings.HasPrefix(v.Text, want) }, nil
	}
	return func(v *Value) bool { return strings.Contains(v.Text, want) }, nil
}

// longestRegex in bytes: what it compiles to is some hundred times as long.
const longestRegex = 4096

// regex compiles an expression in POSIX syntax that has to match the whole text. Go's package has no such mode: the expression is
// parsed as POSIX (with RE2's habit that [^a] includes a newline), written out in the other syntax and put between anchors.
func regex(expression string) (func(*Value) bool, error) {
	if len(expression) > longestRegex {
		return nil, &TypeError{0, fmt.Sprintf("the regular expression is longer than %d bytes", longestRegex)}
	}
	tree, err := syntax.Parse(expression, syntax.POSIX|syntax.ClassNL)
	if err != nil {
		return nil, &TypeError{0, fmt.Sprintf("regular expression (POSIX): %v", err)}
	}
	compiled, err := regexp.Compile(`\A(?:` + tree.String() + `)\z`)
	if err != nil {
		return nil, &TypeError{0, fmt.Sprintf("regular expression: %v", err)}
	}
	return func(v *Value) bool {
		if !utf8.ValidString(v.Text) {
			return compiled.MatchString(strings.ToValidUTF8(v.Text, "\ufffd"))
		}
		return compiled.MatchString(v.Text)
	}, nil
}

// textLists: in asks whether all are in the list, intersects whether one is.
func textLists(operator string, values []string) func(*Value) bool {
	in := textIn(values)
	if operator == "intersects" {
		return func(v *Value) bool { return slices.ContainsFunc(v.Texts, in) }
	}
	return func(v *Value) bool {
		return !slices.ContainsFunc(v.Texts, func(text string) bool { return !in(text) })
	}
}

// hostNames: equal if one of the names that are known for the address is.
func hostNames(operator string, values []string) func(*Value) bool {
	in := textIn(values)
	if operator == "!=" {
		return func(v *Value) bool { return !slices.ContainsFunc(v.Texts, in) }
	}
	return func(v *Value) bool { return slices.ContainsFunc(v.Texts, in) }
}

func lowerByte(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c | 0x20
	}
	return c
}

// Lower is a text in lower case, ASCII only as Falco does it. It allocates nothing for one that is.
func Lower(text string) string { return mapASCII(text, 'A', 'Z') }

// Upper is a text in upper case, ASCII only.
func Upper(text string) string { return mapASCII(text, 'a', 'z') }

func mapASCII(text string, first, last byte) string {
	at := 0
	for at < len(text) && (text[at] < first || text[at] > last) {
		at++
	}
	if at == len(text) {
		return text
	}
	changed := []byte(text)
	for ; at < len(changed); at++ {
		if first <= changed[at] && changed[at] <= last {
			changed[at] ^= 0x20
		}
	}
	return string(changed)
}

// containsFold looks for a text in lower case, whatever the case of where it is looked for.
func containsFold(text, want string) bool {
	for from := 0; from+len(want) <= len(text); from++ {
		at := 0
		for at < len(want) && lowerByte(text[from+at]) == want[at] {
			at++
		}
		if at == len(want) {
			return true
		}
	}
	return false
}
