// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"errors"
	"testing"
)

func TestResolve(t *testing.T) {
	for _, test := range []struct {
		name, index string
		indexed     bool
		want        Type
		wrong       string
	}{
		{name: "evt.type", want: Text},
		{name: "fd.name", want: Path},
		{name: "fd.net", want: Network},
		{name: "proc.aname", want: Text},
		{name: "proc.aname", index: "2", indexed: true, want: Text},
		{name: "proc.aname", index: "x", indexed: true, wrong: "proc.aname[x]: the index is a number from 0 to 65536"},
		{name: "proc.aname", index: "-1", indexed: true, wrong: "proc.aname[-1]: the index is a number from 0 to 65536"},
		{name: "proc.name", index: "1", indexed: true, wrong: "proc.name takes no index"},
		{name: "container.mount.dest", wrong: "container.mount.dest needs an index in brackets"},
		{name: "evt.arg.flags", want: Text},
		{name: "evt.arg.oldpath", want: Path},
		{name: "evt.arg", index: "flags", indexed: true, want: Text},
		{name: "evt.arg", index: "0", indexed: true, want: Text},
		{name: "evt.arg", wrong: "evt.arg needs a parameter: evt.arg.NAME"},
		{name: "evt.rawarg.fd", want: Number},
		{name: "evt.arg.flagz", wrong: "unknown event argument flagz in evt.arg.flagz; did you mean flags?"},
		{name: "proc.nmae", wrong: "filter_check called with nonexistent field proc.nmae; did you mean proc.name?"},
	} {
		r, err := Resolve(test.name, test.index, test.indexed)
		switch {
		case test.wrong != "":
			if err == nil || err.Error() != test.wrong {
				t.Errorf("%s[%s]: error %v, want %s", test.name, test.index, err, test.wrong)
			}
		case err != nil || r.Type != test.want:
			t.Errorf("%s[%s]: %v, %v", test.name, test.index, r, err)
		}
	}
	_, err := Resolve("a.b", "", false)
	if unknown := (*UnknownError)(nil); !errors.As(err, &unknown) {
		t.Errorf("an unknown field gives %T", err)
	}
}

func TestPossible(t *testing.T) {
	for _, test := range []struct {
		field, event string
		want         bool
	}{
		{"fd.name", "openat", true}, {"fd.name", "execve", false}, {"fd.name", "unlinkat", true}, {"fd.name", "unlink", false},
		{"evt.arg.flags", "creat", false}, {"evt.arg.flags", "execve", true}, {"evt.arg.name", "unlinkat", true},
		{"evt.is_open_write", "creat", true}, {"evt.is_open_write", "rename", false}, {"evt.buffer", "recvfrom", true},
		{"evt.buffer", "connect", false}, {"proc.name", "bpf", true},
	} {
		r, err := Resolve(test.field, "", false)
		if err != nil {
			t.Fatal(err)
		}
		e, ok := EventTypeOf(test.event)
		if !ok {
			t.Fatalf("no event type %s", test.event)
		}
		if got := r.PossibleFor(e); got != test.want {
			t.Errorf("%s of %s: %t", test.field, test.event, got)
		}
	}
}

func TestLongestField(t *testing.T) {
	for text, want := range map[string]string{
		"proc.name: x":                    "proc.name",
		"proc.name":                       "proc.name",
		"proc.name_x":                     "proc.name",
		"proc.name.":                      "proc.name",
		"proc.aname[2] x":                 "proc.aname[2]",
		"proc.aname[x]":                   "proc.aname",
		"proc.name[2]":                    "proc.name",
		"evt.arg.flags=3":                 "evt.arg.flags",
		"evt.arg.flags.x":                 "evt.arg.flags",
		"evt.arg[0]":                      "evt.arg[0]",
		"fd.sip.name)":                    "fd.sip.name",
		"container.mount.dest[/a b]":      "container.mount.dest[/a b]",
		"container.image.repositoryimage": "container.image.repository",
		"date":                            "",
		"":                                "",
		"s":                               "",
	} {
		got := ""
		if r, length := LongestField(text); r != nil {
			if got = r.Name; text[:length] != got {
				t.Errorf("%q: length %d", text, length)
			}
		}
		if got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestEventTypes(t *testing.T) {
	for name, want := range map[string]bool{"execve": true, "openat2": true, "kill": true, "procexit": true, "opennat": false, "": false} {
		if KnownEventType(name) != want {
			t.Errorf("%s: known is %t", name, !want)
		}
	}
	if n := len(EventTypes()); n != 41 { // of the rules' 41 names
		t.Errorf("%d event types", n)
	}
	seen := map[string]bool{}
	for _, name := range FieldNames() {
		if seen[name] {
			t.Errorf("%s is there twice", name)
		}
		seen[name] = true
	}
}
