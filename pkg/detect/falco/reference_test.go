// SPDX-License-Identifier: Apache-2.0

package falco

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/condition"
)

// The reference evaluator: conditions as trees, values as texts, no types compiled and nothing remembered. It shares the parser with
// the engine and nothing else.

// absentValue and lostValue are the states that a value can have beside being there.
const (
	absentValue = "\x00absent"
	lostValue   = "\x00lost"
)

// model is an event for the reference: the texts of each field, several for those with two ends, of ancestors, and lists. "resolved "
// before a name is the other view.
type model struct {
	eventType string
	values    map[string][]string
	cut       map[string]bool
}

// referenceKinds of fields, by how they are compared.
var referenceKinds = map[string]string{
	"proc.name": "text", "proc.args": "text", "proc.cmdline": "text", "fd.name": "text", "evt.arg.path": "text", "proc.aname": "any", "proc.tty": "number",
	"proc.apid": "anynumber", "evt.is_open_read": "bool", "fd.ip": "address", "fd.sip": "address", "fd.net": "net", "fd.port": "port",
	"fd.sip.name": "name", "evt.buffer": "text", "fd.types": "list", "evt.type": "text", "user.name": "text", "evt.num": "number",
}

// referenceMissing says whether events of a type never have a field.
func (m *model) missing(field string) bool {
	switch {
	case field == "evt.arg.path":
		return !slices.Contains([]string{"unlink", "rmdir", "mkdir", "mkdirat"}, m.eventType)
	case field == "evt.buffer":
		return m.eventType != "recvfrom"
	case field == "evt.is_open_read":
		return m.eventType != "open"
	case strings.HasPrefix(field, "fd.") && field != "fd.types":
		return slices.Contains([]string{"execve", "unlink", "rename"}, m.eventType)
	}
	return false
}

func (m *model) of(field string, resolved bool) []string {
	switch {
	case field == "evt.type":
		return []string{m.eventType}
	case m.missing(field):
		return []string{absentValue}
	}
	if values, ok := m.values["resolved "+field]; ok && resolved {
		return values
	}
	if values, ok := m.values[field]; ok {
		return values
	}
	return []string{absentValue}
}

// reference evaluates a condition: what its literals are when they are unknown is the question.
type reference struct {
	model    *model
	macros   map[string]condition.Expression
	lists    map[string][]string
	exact    bool
	resolved bool
	// hope: unknown literals are true, else false.
	hope bool
}

// holds evaluates with negations taken to the literals.
func (r *reference) holds(e condition.Expression, denied bool) bool {
	switch e := e.(type) {
	case *condition.And:
		return r.all(e.Terms, denied, !denied)
	case *condition.Or:
		return r.all(e.Terms, denied, denied)
	case *condition.Not:
		return r.holds(e.Term, !denied)
	case *condition.Macro:
		return r.holds(r.macros[e.Name], denied)
	case *condition.Check:
		held, known := r.check(e)
		if !known {
			return r.hope
		}
		return held != denied
	}
	panic(fmt.Sprintf("%T", e))
}

// all says whether all terms hold, or one of them.
func (r *reference) all(terms []condition.Expression, denied, every bool) bool {
	for _, term := range terms {
		if r.holds(term, denied) != every {
			return !every
		}
	}
	return every
}

// operand is the texts of an operand, its kind, and whether something was cut.
func (r *reference) operand(o condition.Operand) (values []string, kind string, cut bool) {
	switch o := o.(type) {
	case *condition.Field:
		name := condition.OperandString(o)
		return r.model.of(name, r.resolved), referenceKinds[name], r.model.cut[name]
	case *condition.Text:
		return []string{o.Text}, "text", false
	case *condition.Call:
		return r.transformed(o)
	}
	panic(fmt.Sprintf("%T", o))
}

func (r *reference) transformed(c *condition.Call) (values []string, kind string, cut bool) {
	var texts []string
	for _, o := range c.Arguments {
		items := []condition.Operand{o}
		if list, ok := o.(*condition.Items); ok {
			items = list.Items
		}
		for _, item := range items {
			v, _, partly := r.operand(item)
			cut = cut || partly
			texts = append(texts, v[0])
		}
	}
	kind = "text"
	if c.Name == "len" {
		kind = "number"
	}
	for _, state := range []string{absentValue, lostValue} {
		if slices.Contains(texts, state) {
			return []string{state}, kind, cut
		}
	}
	switch c.Name {
	case "tolower":
		return []string{lowered(texts[0])}, kind, cut
	case "toupper":
		return []string{recased(texts[0], "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ")}, kind, cut
	case "basename":
		parts := strings.Split(texts[0], "/")
		return parts[len(parts)-1:], kind, cut
	case "len":
		return []string{strconv.Itoa(len(texts[0]))}, kind, cut
	case "b64":
		raw, err := base64.StdEncoding.DecodeString(texts[0])
		if err != nil {
			return []string{absentValue}, kind, cut
		}
		return []string{string(raw)}, kind, cut
	case "join":
		return []string{strings.Join(texts[1:], texts[0])}, kind, cut
	case "concat":
		return []string{strings.Join(texts, "")}, kind, cut
	}
	panic(c.Name)
}

// wanted are the constants, lists expanded.
func (r *reference) wanted(c *condition.Check) (texts []string) {
	for _, v := range c.Values {
		if list, ok := r.lists[v.Text]; ok && !v.Quoted && (c.List || c.Operator == "in") {
			texts = append(texts, list...)
			continue
		}
		texts = append(texts, v.Text)
	}
	return texts
}

// check evaluates one comparison; it is not known if what it depends on was lost.
func (r *reference) check(c *condition.Check) (held, known bool) {
	values, kind, cut := r.operand(c.Left)
	if c.Right != nil {
		right := c.Right
		if call := right.(*condition.Call); call.Name == condition.Val {
			right = call.Arguments[0]
		}
		other, _, _ := r.operand(right)
		if values[0] == absentValue || other[0] == absentValue {
			return false, true
		}
		if values[0] == lostValue || other[0] == lostValue {
			return false, false
		}
		return compared(kind, c.Operator, values[0], other[:1]), true
	}
	wanted := r.wanted(c)
	switch {
	case len(values) == 1 && values[0] == absentValue:
		na := slices.Contains(wanted, "<NA>") || slices.Contains(wanted, "N/A")
		return na && !r.exact && (c.Operator == "in" || c.Operator == "intersects"), true
	case len(values) == 1 && values[0] == lostValue:
		return false, false
	case c.Operator == "exists":
		return true, true
	}
	any := func(operator string) bool {
		return slices.ContainsFunc(values, func(v string) bool { return modified(c.Modifier, kind, operator, v, wanted) })
	}
	switch kind {
	case "any", "anynumber":
		held = any(c.Operator)
		return held, held || !cut
	case "list":
		if c.Operator == "intersects" {
			held = any("in")
			return held, held || !cut
		}
		held = !slices.ContainsFunc(values, func(v string) bool { return !slices.Contains(wanted, v) })
		return held, !held || !cut
	case "address", "net", "port", "name":
		if c.Operator == "!=" {
			return !any("="), true
		}
	}
	return any(c.Operator), true
}

func modified(modifier, kind, operator, value string, wanted []string) bool {
	if modifier == "" {
		return compared(kind, operator, value, wanted)
	}
	n := 0
	for _, w := range wanted {
		if compared(kind, operator, value, []string{w}) {
			n++
		}
	}
	return modifier == "oneof" && n == 1 || modifier == "anyof" && n > 0 || modifier == "allof" && n == len(wanted)
}

// compared compares one value.
func compared(kind, operator, value string, wanted []string) bool {
	switch operator {
	case "in", "intersects":
		return slices.ContainsFunc(wanted, func(w string) bool { return compared(kind, "=", value, []string{w}) })
	case "pmatch":
		return slices.ContainsFunc(wanted, func(w string) bool { return inPath(value, w) })
	}
	want := wanted[0]
	switch kind {
	case "number", "anynumber", "port":
		return comparedNumbers(operator, value, want)
	case "address":
		return net.ParseIP(value).Equal(net.ParseIP(want)) == (operator == "=")
	case "net":
		_, network, err := net.ParseCIDR(want)
		if err != nil {
			panic(err)
		}
		return network.Contains(net.ParseIP(value)) == (operator == "=")
	}
	switch operator {
	case "=":
		return value == want
	case "!=":
		return value != want
	case "contains":
		return strings.Contains(value, want)
	case "icontains":
		return strings.Contains(lowered(value), lowered(want))
	case "bcontains":
		raw, _ := hex.DecodeString(want)
		return strings.Contains(value, string(raw))
	case "bstartswith":
		raw, _ := hex.DecodeString(want)
		return strings.HasPrefix(value, string(raw))
	case "startswith":
		return strings.HasPrefix(value, want)
	case "endswith":
		return strings.HasSuffix(value, want)
	case "glob":
		return globbed("", want).MatchString(value)
	case "iglob":
		return globbed("(?i)", want).MatchString(value)
	case "regex":
		re := regexp.MustCompile("^(?:" + want + ")$")
		re.Longest()
		return re.MatchString(value)
	}
	panic(operator)
}

func comparedNumbers(operator, value, want string) bool {
	a, err1 := strconv.ParseFloat(value, 64)
	b, err2 := strconv.ParseFloat(want, 64)
	if err1 != nil || err2 != nil {
		panic(value + " " + want)
	}
	return map[string]bool{"=": a == b, "!=": a != b, "<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[operator]
}

// globbed turns a pattern with * and ? only into a regular expression.
func globbed(flags, pattern string) *regexp.Regexp {
	var b strings.Builder
	for _, r := range pattern {
		switch r {
		case '*':
			b.WriteString(".*")
		case '?':
			b.WriteString(".")
		default:
			b.WriteString(regexp.QuoteMeta(string(r)))
		}
	}
	return regexp.MustCompile(flags + `(?s)^` + b.String() + "$")
}

// inPath asks for every leading part of a path.
func inPath(value, pattern string) bool {
	split := func(s string) []string {
		return slices.DeleteFunc(strings.Split(s, "/"), func(c string) bool { return c == "" })
	}
	parts, want := split(value), split(pattern)
	if len(want) == 0 {
		return true
	}
	for n := range len(parts) + 1 {
		if ok, err := path.Match(strings.Join(want, "/"), strings.Join(parts[:n], "/")); ok && err == nil {
			return true
		}
	}
	return false
}

func lowered(text string) string {
	return recased(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")
}

// recased replaces letters, byte by byte: texts need not be UTF-8.
func recased(text, from, to string) string {
	changed := []byte(text)
	for i, c := range changed {
		if at := strings.IndexByte(from, c); at >= 0 {
			changed[i] = to[at]
		}
	}
	return string(changed)
}
