// SPDX-License-Identifier: Apache-2.0

package compare

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/catalog"
)

func service(name string) (uint16, bool) { return 443, name == "https" }

// text, number and so on make values.
func text(s string) (v Value) {
	v.SetText(s)
	return v
}

func number(n int64) (v Value) {
	v.SetNumber(n)
	return v
}

func address(a, b string) (v Value) {
	second := netip.Addr{}
	if b != "" {
		second = netip.MustParseAddr(b)
	}
	v.SetAddresses(netip.MustParseAddr(a), second)
	return v
}

func ports2(a, b uint16) (v Value) {
	v.SetPorts(a, b)
	return v
}

func boolean(b bool) (v Value) {
	v.SetBool(b)
	return v
}

func texts2(s ...string) Value { return Value{State: Present, Texts: s} }

func TestHolds(t *testing.T) {
	for _, test := range []struct {
		kind     catalog.Type
		operator string
		values   string // separated by |
		value    Value
		want     Truth
	}{
		{catalog.Text, "=", "a", text("a"), True}, {catalog.Text, "=", "a", text("A"), False}, {catalog.Text, "!=", "a", text("b"), True},
		{catalog.Text, "!=", "a", text("a"), False}, {catalog.Text, "=", "", text(""), True}, {catalog.Text, "exists", "", text(""), True},
		{catalog.Text, "contains", "bc", text("abcd"), True}, {catalog.Text, "contains", "", text(""), True}, {catalog.Text, "contains", "x", text("abc"), False},
		{catalog.Text, "icontains", "bC", text("aBcd"), True}, {catalog.Text, "icontains", "x", text("abc"), False},
		{catalog.Text, "startswith", "ab", text("abc"), True}, {catalog.Text, "startswith", "bc", text("abc"), False},
		{catalog.Text, "endswith", "bc", text("abc"), True}, {catalog.Text, "endswith", "ab", text("abc"), False},
		{catalog.Text, "in", "a|b", text("b"), True}, {catalog.Text, "in", "a|b", text("c"), False}, {catalog.Text, "in", "a|b|c|d|e|f", text("e"), True},
		{catalog.Text, "in", "a|b|c|d|e|f", text("g"), False}, {catalog.Text, "intersects", "a|b", text("a"), True},
		{catalog.Text, "glob", "/home/*/.ssh/*", text("/home/a/b/.ssh/id"), True}, {catalog.Text, "glob", "/proc/*/environ", text("/proc/1/environs"), False},
		{catalog.Text, "glob", "a?c", text("a/c"), True}, {catalog.Text, "glob", "[!a-c]x", text("dx"), True}, {catalog.Text, "glob", "[!a-c]x", text("bx"), False},
		{catalog.Text, "glob", "[[:digit:]_]", text("7"), True}, {catalog.Text, "glob", "[]]", text("]"), True}, {catalog.Text, "glob", "[a", text("[a"), True},
		{catalog.Text, "glob", `\*`, text("*"), True}, {catalog.Text, "glob", `\*`, text("a"), False}, {catalog.Text, "glob", "*.*", text(".hidden"), True},
		{catalog.Text, "glob", "a*b*c", text("aXbXbXc"), True}, {catalog.Text, "glob", "a*b*c", text("aXbXbX"), False}, {catalog.Text, "glob", "", text(""), True},
		{catalog.Text, "iglob", "*ABC", text("xabc"), True}, {catalog.Text, "iglob", "[A]x", text("aX"), True}, {catalog.Text, "glob", "*ABC", text("xabc"), False},
		{catalog.Text, "regex", "a+b", text("aab"), True}, {catalog.Text, "regex", "a+", text("aab"), False}, {catalog.Text, "regex", "a?(ab)*", text("aab"), True},
		{catalog.Text, "regex", "foo", text("foo\nbar"), False}, {catalog.Text, "regex", "a.b", text("a\nb"), False}, {catalog.Text, "regex", "a[^x]b", text("a\nb"), True},
		{catalog.Text, "regex", "a.b", text("a\xffb"), True}, {catalog.Text, "regex", "", text(""), True},
		{catalog.Text, "pmatch", "/usr", text("/usr/lib"), True}, {catalog.Text, "pmatch", "/usr", text("/usrx"), False}, {catalog.Text, "pmatch", "/usr", text("/usr"), True},
		{catalog.Text, "pmatch", "/usr/lib", text("/usr"), False}, {catalog.Text, "pmatch", "/", text("/x"), True}, {catalog.Text, "pmatch", "/a/*/c", text("/a/b/c/d"), True},
		{catalog.Text, "pmatch", "/a/*/c", text("/a/b/b/c"), False}, {catalog.Text, "pmatch", "//a//b", text("/a///b/"), True}, {catalog.Text, "pmatch", "/x|/y", text("/y/z"), True},
		{catalog.Buffer, "bcontains", "0d0a", text("a\r\nb"), True}, {catalog.Buffer, "bcontains", "0A", text("a"), False}, {catalog.Buffer, "bstartswith", "61", text("ab"), True},
		{catalog.Number, "=", "5", number(5), True}, {catalog.Number, "<", "5000000000", number(4), True}, {catalog.Number, "<=", "5", number(5), True},
		{catalog.Number, ">", "5", number(5), False}, {catalog.Number, ">=", "-1", number(-1), True}, {catalog.Number, "!=", "0", number(0), False},
		{catalog.Number, "in", "0|1|2", number(2), True}, {catalog.Number, "in", "0|1|2", number(3), False}, {catalog.Number, ">=", "5e+9", number(5000000000), True},
		{catalog.Bool, "=", "true", boolean(true), True}, {catalog.Bool, "=", "false", boolean(true), False}, {catalog.Bool, "!=", "true", boolean(false), True},
		{catalog.Bool, "in", "true|false", boolean(false), True},
		{catalog.Address, "=", "1.2.3.4", address("1.2.3.4", ""), True}, {catalog.Address, "=", "1.2.3.4", address("5.6.7.8", "1.2.3.4"), True},
		{catalog.Address, "!=", "1.2.3.4", address("5.6.7.8", "1.2.3.4"), False}, {catalog.Address, "!=", "1.2.3.4", address("::1", ""), True},
		{catalog.Address, "=", "1.2.3.4", address("::ffff:1.2.3.4", ""), True}, {catalog.Address, "in", "1.2.3.4|::1", address("::1", ""), True},
		{catalog.Network, "=", "127.0.0.0/8", address("127.0.0.9", ""), True}, {catalog.Network, "!=", "127.0.0.0/8", address("::1", "::1"), True},
		{catalog.Network, "in", "10.0.0.0/8|192.168.0.0/16", address("192.168.3.4", ""), True}, {catalog.Network, "in", "10.0.0.0/8", address("11.0.0.1", "10.0.0.1"), True},
		{catalog.Port, "=", "https", ports2(1, 443), True}, {catalog.Port, "in", "80|443", ports2(443, 9), True}, {catalog.Port, "!=", "80", ports2(80, 9), False},
		{catalog.Port, ">", "100", ports2(80, 101), True}, {catalog.Port, "in", "80", ports2(81, 82), False},
		{catalog.HostName, "=", "a", texts2("b", "a"), True}, {catalog.HostName, "!=", "a", texts2("b", "a"), False}, {catalog.HostName, "in", "x|a", texts2("b", "a"), True},
		{catalog.TextList, "in", "a|b", texts2("a"), True}, {catalog.TextList, "in", "a|b", texts2("a", "c"), False}, {catalog.TextList, "intersects", "a|b", texts2("a", "c"), True},
		{catalog.TextList, "intersects", "a|b", texts2("c"), False},
	} {
		c, err := New(Subject{Type: test.kind, Name: "x"}, test.operator, "", strings.Split(test.values, "|"), Options{Port: service})
		if err != nil {
			t.Errorf("%s %s %s: %v", test.kind, test.operator, test.values, err)
			continue
		}
		if got := c.Holds(&test.value); got != test.want {
			t.Errorf("%s %s %s of %+v: %d, want %d", test.kind, test.operator, test.values, test.value, got, test.want)
		}
	}
}

// Each operator that there is, with a value that is absent, not delivered and empty.
func TestAbsent(t *testing.T) {
	for _, kind := range []catalog.Type{
		catalog.Text, catalog.Path, catalog.Number, catalog.Bool, catalog.Address, catalog.Network, catalog.Port, catalog.HostName,
		catalog.Buffer, catalog.TextList,
	} {
		constant := map[catalog.Type]string{
			catalog.Number: "1", catalog.Bool: "true", catalog.Address: "1.1.1.1", catalog.Network: "1.0.0.0/8", catalog.Port: "1",
		}[kind]
		for _, operator := range kind.Operators() {
			c, err := New(Subject{Type: kind, Name: "x"}, operator, "", []string{constant}, Options{})
			if err != nil {
				t.Errorf("%s %s: %v", kind, operator, err)
				continue
			}
			if got := c.Holds(&Value{}); got != False {
				t.Errorf("%s %s: %d of an absent value", kind, operator, got)
			}
			if got := c.Holds(&Value{State: NotDelivered}); got != Unknown {
				t.Errorf("%s %s: %d of a value that was not delivered", kind, operator, got)
			}
			if got := c.Holds(&Value{State: Present}); kind.IsText() && got != Of(operator != "!=" && operator != "<" && operator != ">") {
				t.Errorf("%s %s \"\": %d of an empty text", kind, operator, got)
			}
		}
	}
}

func TestAbsentTexts(t *testing.T) {
	values := []string{"<NA>", "N/A", ""}
	for _, exact := range []bool{false, true} {
		c, err := New(Subject{Type: catalog.Text, Name: "x"}, "in", "", values, Options{Exact: exact})
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Holds(&Value{}); got != Of(!exact) {
			t.Errorf("exact %t: absent in (<NA>): %d", exact, got)
		}
		na := text("<NA>")
		if got := c.Holds(&na); got != True {
			t.Errorf("exact %t: the text <NA> in (<NA>): %d", exact, got)
		}
	}
}

func TestAnyAncestor(t *testing.T) {
	subject := Subject{Type: catalog.Text, Any: true, Name: "proc.aname"}
	for _, test := range []struct {
		operator string
		value    Value
		want     Truth
	}{
		{"=", Value{State: Present, Texts: []string{"a", "sshd"}}, True},
		{"=", Value{State: Present, Texts: []string{"a"}}, False},
		{"=", Value{State: Present, Cut: true, Texts: []string{"a"}}, Unknown},
		{"=", Value{State: Present, Cut: true, Texts: []string{"sshd"}}, True},
		{"!=", Value{State: Present, Texts: []string{"sshd", "a"}}, True},
		{"!=", Value{State: Present, Texts: []string{"sshd"}}, False},
		{"=", Value{}, False},
		{"exists", Value{State: Present, Cut: true, Texts: []string{"a"}}, True},
	} {
		c, err := New(subject, test.operator, "", []string{"sshd"}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Holds(&test.value); got != test.want {
			t.Errorf("any of %q %s sshd (cut %t): %d, want %d", test.value.Texts, test.operator, test.value.Cut, got, test.want)
		}
	}
}

func TestModifiers(t *testing.T) {
	for _, test := range []struct {
		modifier, text string
		want           Truth
	}{
		{"oneof", "a", True}, {"oneof", "ab", False}, {"oneof", "x", False}, {"anyof", "ab", True}, {"anyof", "x", False}, {"allof", "ab", True},
		{"allof", "a", False},
	} {
		c, err := New(Subject{Type: catalog.Text, Name: "x"}, "contains", test.modifier, []string{"a", "b"}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		v := text(test.text)
		if got := c.Holds(&v); got != test.want {
			t.Errorf("%s contains %s (a, b): %d", test.text, test.modifier, got)
		}
	}
}

func TestTypeErrors(t *testing.T) {
	for _, test := range []struct {
		kind     catalog.Type
		operator string
		value    string
		want     string
	}{
		{catalog.Text, "bcontains", "00", "operator bcontains can't be used on x, which is a text"},
		{catalog.Bool, "contains", "true", "operator contains can't be used"},
		{catalog.Bool, "=", "yes", "x is true or false, not \"yes\""},
		{catalog.Number, "=", "0x10", "no decimal whole number"},
		{catalog.Number, ">", "1.5", "no decimal whole number"},
		{catalog.Number, ">", "1e999999999", "no decimal whole number"},
		{catalog.Number, "contains", "1", "operator contains can't be used"},
		{catalog.Address, "=", "10.0.0.0/8", "is an IP address"},
		{catalog.Address, "<", "1", "operator < can't be used"},
		{catalog.Network, "=", "10.0.0.1", "is compared with a prefix"},
		{catalog.Port, "=", "70000", "is a port"},
		{catalog.Port, "=", "nosuch", "neither a number nor the name of a service"},
		{catalog.Buffer, "glob", "x", "operator glob can't be used"},
		{catalog.Buffer, "bcontains", "xy", "hexadecimal"},
		{catalog.TextList, "=", "x", "operator = can't be used"},
		{catalog.Text, "regex", `\d`, "regular expression"},
		{catalog.Text, "regex", "(?i)a", "regular expression"},
		{catalog.Text, "regex", "(a{1000}){1000}", "regular expression"},
		{catalog.Text, "regex", strings.Repeat("a", 5000), "longer than"},
	} {
		_, err := New(Subject{Type: test.kind, Name: "x"}, test.operator, "", []string{test.value}, Options{Port: service})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s %s %s: %v, want %s", test.kind, test.operator, test.value, err, test.want)
		}
	}
	if _, err := New(Subject{Type: catalog.Number, Name: "x"}, "=", "anyof", []string{"1"}, Options{}); err == nil {
		t.Error("anyof on a number is allowed")
	}
}
