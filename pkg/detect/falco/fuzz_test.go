// SPDX-License-Identifier: Apache-2.0

package falco

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/catalog"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/compare"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/condition"
)

// chooser takes decisions from a fuzzer's bytes; when they are used up, 0.
type chooser struct{ bytes []byte }

func (c *chooser) below(n int) int {
	if len(c.bytes) == 0 {
		return 0
	}
	b := c.bytes[0]
	c.bytes = c.bytes[1:]
	return int(b) % n
}

func (c *chooser) of(choices ...string) string { return choices[c.below(len(choices))] }

// The words that conditions and events are made of: few, so that they meet.
var (
	someTexts     = []string{"a", "b", "ab", "A", "aB/b", "/a/b", "/a", "", "<NA>", "N/A", "YQ==", "x\xff"}
	someNumbers   = []string{"0", "1", "5", "-1", "34816"}
	someAddresses = []string{"10.0.0.1", "127.0.0.1", "::1", "169.254.169.254"}
	someNetworks  = []string{"10.0.0.0/8", "127.0.0.0/8", "::/0"}
	somePorts     = []string{"80", "443", "0"}
	someNames     = []string{"api", "db"}
	someTypes     = []string{"execve", "open", "connect", "recvfrom", "unlink", "rename"}
)

// comparisonsOf are the operators that are tried on a kind of field, with the words for their constants.
var comparisonsOf = map[string]struct{ operators, words []string }{
	"text": {[]string{"=", "!=", "contains", "icontains", "startswith", "endswith", "glob", "iglob", "in", "intersects", "pmatch", "exists", "regex"}, someTexts},
	"any":  {[]string{"=", "!=", "contains", "in", "exists", "startswith"}, someTexts}, "number": {[]string{"=", "!=", "<", "<=", ">", ">=", "in", "exists"}, someNumbers},
	"anynumber": {[]string{"=", "!=", "<", "in"}, someNumbers}, "bool": {[]string{"=", "!=", "in"}, []string{"true", "false"}},
	"address": {[]string{"=", "!=", "in", "exists"}, someAddresses}, "net": {[]string{"=", "!=", "in"}, someNetworks},
	"port": {[]string{"=", "!=", "<", ">=", "in"}, somePorts}, "name": {[]string{"=", "!=", "in"}, someNames}, "list": {[]string{"in", "intersects", "exists"}, someTexts},
}

var referenceFields = slices.Sorted(func(yield func(string) bool) {
	for field := range referenceKinds {
		if !yield(field) {
			return
		}
	}
})

// condition writes a random one.
func (c *chooser) condition(depth int) string {
	switch kind := c.below(8); {
	case depth > 0 && kind < 3:
		terms := make([]string, 2+c.below(2))
		for i := range terms {
			terms[i] = "(" + c.condition(depth-1) + ")"
		}
		return strings.Join(terms, c.of(" and ", " or "))
	case depth > 0 && kind == 3:
		return "not (" + c.condition(depth-1) + ")"
	case kind == 4:
		return c.of("m1", "m2", "not m2")
	}
	return c.check()
}

func (c *chooser) check() string {
	field := referenceFields[c.below(len(referenceFields))]
	kind := referenceKinds[field]
	left := field
	if kind == "text" && field != "evt.buffer" && field != "evt.type" {
		switch c.below(8) {
		case 0:
			left = fmt.Sprintf("%s(%s)", c.of("tolower", "toupper", "basename", "b64"), field)
		case 1:
			left, kind = "len("+field+")", "number"
		case 2:
			left = c.of(`join("/", (proc.name, `+field+`))`, `concat(a, `+field+`, proc.args)`)
		case 3:
			return fmt.Sprintf("%s %s %s", field, c.of("=", "!=", "contains", "startswith", "in"), c.of("val(proc.name)", "tolower(user.name)", "basename(proc.args)"))
		case 4:
			return fmt.Sprintf("%s %s %s (%s, %s)", field, c.of("=", "contains", "startswith", "endswith"), c.of("oneof", "anyof", "allof"),
				c.word(someTexts), c.word(someTexts))
		}
	}
	set := comparisonsOf[kind]
	operator := c.of(set.operators...)
	if field == "evt.buffer" {
		operator = c.of("=", "contains", "bcontains", "bstartswith", "in")
	}
	words := set.words
	if field == "evt.type" {
		words, operator = someTypes, c.of("=", "!=", "in")
	}
	switch right, _ := condition.RightOf(operator); {
	case operator == "exists":
		return left + " exists"
	case operator == "bcontains" || operator == "bstartswith":
		return left + " " + operator + " " + c.of("61", "6162", "ff")
	case operator == "regex":
		return left + " " + operator + " " + c.of("a|ab", "'a.*'", "'[ab]+'", "'(/a)?/b'")
	case operator == "glob" || operator == "iglob":
		return left + " " + operator + " " + c.of("*", "a*", "?b", "*b*", "/a/*")
	case right == condition.RightList:
		return fmt.Sprintf("%s %s (%s, %s%s)", left, operator, c.word(words), c.word(words), c.of("", ", l"))
	case right == condition.RightNumber:
		return left + " " + operator + " " + words[c.below(len(words))]
	}
	return left + " " + operator + " " + c.word(words)
}

// word is a constant, quoted as it is written by any tool.
func (c *chooser) word(words []string) string { return condition.Quote(words[c.below(len(words))]) }

// event makes a random event for both.
func (c *chooser) event() (*model, *fakeFields) {
	m := &model{eventType: c.of(someTypes...), values: map[string][]string{}, cut: map[string]bool{}}
	for _, field := range referenceFields {
		kind := referenceKinds[field]
		if field == "evt.type" || field == "evt.num" {
			continue
		}
		m.values[field] = c.values(kind)
		if field == "fd.name" && c.below(2) == 0 {
			m.values["resolved fd.name"] = c.values(kind)
		}
		m.cut[field] = (kind == "any" || kind == "list" || kind == "anynumber") && c.below(3) == 0
	}
	m.values["evt.num"] = []string{strconv.Itoa(1 + c.below(6))}
	return m, &fakeFields{m}
}

func (c *chooser) values(kind string) []string {
	switch c.below(6) {
	case 0:
		return []string{absentValue}
	case 1:
		return []string{lostValue}
	}
	if kind == "bool" {
		return []string{c.of("true", "false")}
	}
	words := comparisonsOf[kind].words
	if kind == "net" {
		words = someAddresses
	}
	n := 1
	if kind != "text" && kind != "number" {
		n += c.below(2)
	}
	values := make([]string, n)
	for i := range values {
		values[i] = words[c.below(len(words))]
	}
	return values
}

// fakeFields gives a model's values to the engine. It fills in what the event type never has too, so that specialisation is tested.
type fakeFields struct{ *model }

func (f *fakeFields) Value(r *catalog.Reference, view compare.View, v *compare.Value) {
	values := f.of(r.Name, view == compare.Resolved)
	switch values[0] {
	case absentValue:
		return
	case lostValue:
		v.State = compare.NotDelivered
		return
	}
	v.State, v.Cut = compare.Present, f.cut[r.Name]
	switch {
	case r.Any() && r.Type == catalog.Number:
		for _, value := range values {
			n, _ := strconv.ParseInt(value, 10, 64)
			v.Numbers = append(v.Numbers, n)
		}
	case r.Any(), r.Type == catalog.TextList, r.Type == catalog.HostName:
		v.Texts = values
	case r.Type == catalog.Number:
		v.Number, _ = strconv.ParseInt(values[0], 10, 64)
	case r.Type == catalog.Bool:
		v.SetBool(values[0] == "true")
	case r.Type == catalog.Port:
		for i, value := range values {
			n, _ := strconv.Atoi(value)
			v.Ports[i], v.Ends = uint16(n), uint8(i+1)
		}
	case r.Type == catalog.Address, r.Type == catalog.Network:
		for i, value := range values {
			v.Addresses[i], v.Ends = netip.MustParseAddr(value), uint8(i+1)
		}
	default:
		v.Text = values[0]
	}
}

// FuzzEvaluate compares the engine with the reference.
func FuzzEvaluate(f *testing.F) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		seed := make([]byte, 120)
		for i := range seed {
			seed[i] = byte(random.Uint32())
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, bytes []byte) {
		c := &chooser{bytes}
		texts := []string{c.condition(3), c.condition(2)}
		m1, m2 := c.check(), c.condition(1)
		m2 = strings.NewReplacer("m2", "m1").Replace(m2)
		exact := c.below(4) == 0
		e := loadTexts(Options{Exact: exact, Matching: All, NoSuffix: true},
			"- list: l\n  items: ['a', '\"<NA>\"', 'x y']\n", // quotes of YAML, and of Falco
			"- macro: m1\n  condition: "+strconv.Quote(m1)+"\n- macro: m2\n  condition: "+strconv.Quote(m2)+"\n"+
				ruleText("r0", strconv.Quote(texts[0]))+ruleText("r1", strconv.Quote(texts[1])))
		if errs := e.Problems.Errors(); len(errs) > 0 {
			// A list of texts on a field that is none, a byte that YAML does not take
			return
		}
		macros := map[string]condition.Expression{"m1": e.Set.Macro("m1").Parsed, "m2": e.Set.Macro("m2").Parsed}
		evaluator := e.NewEvaluator()
		for range 3 {
			m, fields := c.event()
			matches := evaluator.Evaluate(eventType(t, m.eventType), fields, nil)
			for i, rule := range e.Rules {
				got := "no"
				for _, match := range matches {
					if match.Rule == rule {
						got = fmt.Sprintf("%s certain=%t", match.View, len(match.Degraded) == 0)
					}
				}
				r := &reference{model: m, macros: macros, lists: map[string][]string{"l": {"a", "<NA>", "x y"}}, exact: exact}
				if want := r.expected(rule.Parsed); got != want {
					t.Fatalf("rule %d: %s\nm1: %s\nm2: %s\nexact %t, event %+v\nengine: %s, reference: %s", i, texts[i], m1, m2, exact, *m, got, want)
				}
			}
		}
	})
}

// expected is what the engine has to say: the lexical view before the resolved, what is certain before what is not.
func (r *reference) expected(e condition.Expression) string {
	views := []bool{false, true}
	if r.exact {
		views = views[:1]
	}
	for _, hope := range []bool{false, true} {
		for _, resolved := range views {
			r.hope, r.resolved = hope, resolved
			if r.holds(e, false) {
				return fmt.Sprintf("%s certain=%t", map[bool]string{false: "lexical", true: "resolved"}[resolved], !hope)
			}
		}
	}
	return "no"
}
