// SPDX-License-Identifier: Apache-2.0

package sigma_test

import (
	"encoding/base64"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// reference is a second evaluator: slow, from the YAML each time, by regular expressions, and sharing nothing with the first. It knows
// complete values only.
type reference struct{ record fields }

// holds says whether a rule matches.
func (r reference) holds(text string) bool {
	var rule struct {
		Detection map[string]yaml.Node `yaml:"detection"`
	}
	if err := yaml.Unmarshal([]byte(text), &rule); err != nil {
		panic(err)
	}
	selections := map[string]bool{}
	var conditions []string
	for name, node := range rule.Detection {
		switch {
		case name != "condition":
			selections[name] = r.selection(&node)
		case node.Kind == yaml.SequenceNode:
			for _, n := range node.Content {
				conditions = append(conditions, n.Value)
			}
		default:
			conditions = append(conditions, node.Value)
		}
	}
	for _, condition := range conditions {
		if evaluateText(condition, selections) {
			return true
		}
	}
	return false
}

// evaluateText replaces what it knows by T and F until one of them is left.
func evaluateText(condition string, selections map[string]bool) bool {
	letter := map[bool]string{true: "T", false: "F"}
	condition = regexp.MustCompile(`[()]`).ReplaceAllString(condition, " $0 ")
	words := strings.Fields(condition)
	var out []string
	for i := 0; i < len(words); i++ {
		word := words[i]
		if i+2 < len(words) && strings.EqualFold(words[i+1], "of") {
			held, meant := 0, 0
			described := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(words[i+2]), `\*`, `(?s:.*)`) + "$")
			for name, holds := range selections {
				if strings.HasPrefix(name, "_") || !strings.EqualFold(words[i+2], "them") && !described.MatchString(name) {
					continue
				}
				meant++
				if holds {
					held++
				}
			}
			least := meant
			if strings.EqualFold(word, "any") {
				least = 1
			} else if n, err := strconv.Atoi(word); err == nil {
				least = n
			}
			out = append(out, letter[held >= least])
			i += 2
			continue
		}
		switch lower := strings.ToLower(word); lower {
		case "and", "or", "not", "(", ")":
			out = append(out, lower)
		default:
			out = append(out, letter[selections[word]])
		}
	}
	text := " " + strings.Join(out, " ") + " "
	for {
		before := text
		for _, step := range [][2]string{
			{" ( T ) ", " T "}, {" ( F ) ", " F "}, {" not T ", " F "}, {" not F ", " T "},
		} {
			text = strings.ReplaceAll(text, step[0], step[1])
		}
		if text != before {
			continue
		}
		// and binds closer than or: only where no not is left before it
		if next := regexp.MustCompile(` ([TF]) and ([TF]) `).FindStringSubmatch(text); next != nil {
			text = strings.Replace(text, next[0], " "+letter[next[1] == "T" && next[2] == "T"]+" ", 1)
			continue
		}
		if next := regexp.MustCompile(`( \( | or |^ )([TF]) or ([TF]) `).FindStringSubmatch(text); next != nil {
			text = strings.Replace(text, next[0], next[1]+letter[next[2] == "T" || next[3] == "T"]+" ", 1)
			text = strings.ReplaceAll(text, "  ", " ")
			continue
		}
		return strings.TrimSpace(text) == "T"
	}
}

func (r reference) selection(n *yaml.Node) bool {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i < len(n.Content); i += 2 {
			if !r.entry(n.Content[i].Value, n.Content[i+1]) {
				return false
			}
		}
		return true
	case yaml.SequenceNode:
		return slices.ContainsFunc(n.Content, r.selection)
	}
	return r.entry("|contains", n)
}

func (r reference) entry(key string, value *yaml.Node) bool {
	names := strings.Split(key, "|")
	has := func(name string) bool { return slices.Contains(names[1:], name) }
	texts := r.record[names[0]].Texts
	values := []*yaml.Node{value}
	if value.Kind == yaml.SequenceNode {
		values = value.Content
	}
	if has("exists") {
		return strconv.FormatBool(len(texts) > 0) == strings.ToLower(value.Value)
	}
	if len(texts) == 0 {
		for _, v := range values {
			if v.Tag == "!!null" {
				return true
			}
		}
		return false
	}
	some := false
	for _, text := range texts {
		count := 0
		for _, v := range values {
			if v.Tag != "!!null" && r.compare(text, v, names[0] == "" && !has("startswith") && !has("endswith"), has) {
				count++
			}
		}
		some = some || count == len(values) || count > 0 && !has("all")
	}
	return some != has("neq")
}

func lower(text string) string { return strings.Map(unicode.ToLower, text) }

func (r reference) compare(text string, v *yaml.Node, keyword bool, has func(string) bool) bool {
	value := v.Value
	var number any
	if v.Tag == "!!int" && v.Decode(&number) == nil {
		value = fmt.Sprint(number)
	}
	if v.Tag == "!!bool" {
		value = lower(value)
	}
	switch {
	case has("re"):
		flags := ""
		for _, flag := range []string{"i", "m", "s"} {
			if has(flag) {
				flags += flag
			}
		}
		if flags != "" {
			value = "(?" + flags + ")" + value
		}
		return regexp.MustCompile(value).MatchString(text)
	case has("cidr"):
		if !strings.Contains(value, "/") {
			value += map[bool]string{true: "/128", false: "/32"}[strings.Contains(value, ":")]
		}
		address, err := netip.ParseAddr(text)
		return err == nil && netip.MustParsePrefix(value).Contains(address.Unmap())
	case has("lt") || has("lte") || has("gt") || has("gte"):
		a, err := strconv.ParseFloat(text, 64)
		b, _ := strconv.ParseFloat(value, 64)
		plain := regexp.MustCompile(`^[-+.0-9]{1,40}$`).MatchString(text)
		return err == nil && plain && (has("lt") && a < b || has("lte") && a <= b || has("gt") && a > b || has("gte") && a >= b)
	case has("fieldref"):
		for _, other := range r.record[value].Texts {
			if matchesExpression(text, regexp.QuoteMeta(fold(other, has)), keyword, has) {
				return true
			}
		}
		return false
	}
	if has("base64") {
		value = base64.StdEncoding.EncodeToString([]byte(value))
	}
	return matchesExpression(text, wildcardExpression(fold(value, has)), keyword, has)
}

func fold(text string, has func(string) bool) string {
	if has("cased") {
		return text
	}
	return lower(text)
}

// wildcardExpression is a value as a regular expression.
func wildcardExpression(value string) string {
	parts := regexp.MustCompile(`\\*[*?]|\\+|[^\\*?]+`).FindAllString(value, -1)
	var expression strings.Builder
	for _, part := range parts {
		last := part[len(part)-1]
		if last != '*' && last != '?' {
			expression.WriteString(regexp.QuoteMeta(part))
			continue
		}
		slashes := len(part) - 1
		expression.WriteString(strings.Repeat(`\\`, slashes/2))
		switch {
		case slashes%2 == 1:
			expression.WriteString(`\` + string(last))
		case last == '*':
			expression.WriteString(".*")
		default:
			expression.WriteString(".")
		}
	}
	return expression.String()
}

func matchesExpression(text, expression string, keyword bool, has func(string) bool) bool {
	before, after := "^", "$"
	if has("contains") || has("endswith") || keyword {
		before = ""
	}
	if has("contains") || has("startswith") || keyword {
		after = ""
	}
	return regexp.MustCompile("(?s)" + before + "(?:" + expression + ")" + after).MatchString(fold(text, has))
}
