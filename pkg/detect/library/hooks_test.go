// SPDX-License-Identifier: Apache-2.0

package library

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/rules"
)

// builtin are the rules of the library.
func builtin(t *testing.T) []*Rule {
	t.Helper()
	all, err := ReadAll(rules.Files)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// admits is what the kernel does with selectors: the first whose filters match decides, by what is returned.
func (h *Hook) admits(values map[string]string, returned string) bool {
	if len(h.Selectors) == 0 {
		return true
	}
	for _, s := range h.Selectors {
		if slices.ContainsFunc(s.Filters, func(f Filter) bool { return !f.holds(values[h.Arguments[f.Place].Label]) }) {
			continue
		}
		return !slices.ContainsFunc(s.Returned, func(f Filter) bool { return !f.holds(returned) })
	}
	return false
}

func (f Filter) holds(value string) bool {
	return slices.ContainsFunc(f.Values, func(with string) bool {
		switch f.Operator {
		case "Equal":
			return value == with
		case "Prefix":
			return strings.HasPrefix(value, with)
		case "Postfix":
			return strings.HasSuffix(value, with)
		case "SubString":
			return strings.Contains(value, with)
		case "Mask":
			a, _ := strconv.ParseInt(value, 10, 64)
			b, _ := strconv.ParseInt(with, 10, 64)
			return a&b != 0
		}
		return false
	})
}

// The kernel tells of each open that a rule observes, whatever its flags, mode and path are, and of others it does not.
func TestOpensAreTold(t *testing.T) {
	all := builtin(t)
	hooks, _ := Hooks(all)
	var paths []string
	for _, r := range all {
		for _, o := range r.observations() {
			for _, f := range o.filters {
				for _, text := range f.text.all() {
					paths = append(paths, text, "/x"+text, text+"x")
				}
			}
		}
	}
	told, kept := 0, 0
	for i := range hooks {
		h := &hooks[i]
		if kinds[functions[h.Function]].name != kindOpen {
			continue
		}
		for _, path := range append(paths, "/usr/lib/locale/C.utf8/LC_CTYPE") {
			for _, flags := range []int{0, unix.O_WRONLY, unix.O_RDWR, unix.O_WRONLY | unix.O_CREAT, unix.O_RDWR | unix.O_CREAT | unix.O_TRUNC, unix.O_TRUNC, unix.O_PATH, unix.O_DIRECTORY} {
				for _, mode := range []int{0, 0o644, 0o755, 0o010} {
					admitted := h.admits(map[string]string{labelFlags: strconv.Itoa(flags), labelMode: strconv.Itoa(mode)}, path)
					if observedBy(all, h, path, flags, mode) {
						told++
						if !admitted {
							t.Fatalf("%s %s with flags %#x and mode %#o is observed and not told", h.Function, path, flags, mode)
						}
					} else if !admitted {
						kept++
					}
				}
			}
		}
		if h.place(labelFlags) >= 0 && h.admits(map[string]string{labelFlags: "0", labelMode: "0"}, "/usr/lib/locale/C.utf8/LC_CTYPE") {
			t.Errorf("%s tells what no rule is about", h.Function)
		}
	}
	if told == 0 || kept == 0 {
		t.Errorf("%d told, %d kept", told, kept)
	}
}

// observedBy says whether a rule observes an open.
func observedBy(all []*Rule, h *Hook, path string, flags, mode int) bool {
	s := hooked("__x64_"+h.Function, "/bin/x")
	hook := s.Event.ProcessKprobe
	for _, a := range h.Arguments {
		switch a.Label {
		case labelFlags:
			hook.Args = append(hook.Args, event.Argument{IntArg: new(int32(flags)), Label: labelFlags})
		case labelMode:
			hook.Args = append(hook.Args, event.Argument{IntArg: new(int32(mode)), Label: labelMode})
		}
	}
	hook.Return = &event.Argument{FileArg: &event.FileArg{Path: path}, Label: labelPath}
	var v values
	return v.read(s) && slices.ContainsFunc(all, func(r *Rule) bool {
		return slices.ContainsFunc(r.observations(), func(o *Observation) bool { return o.matches(&v) })
	})
}

// Of each other function, too, what a rule observes is told, and there is room for all selectors.
func TestOthersAreTold(t *testing.T) {
	all := builtin(t)
	hooks, notes := Hooks(all)
	if len(notes) > 0 {
		t.Errorf("%q", notes)
	}
	for i := range hooks {
		h := &hooks[i]
		if len(h.Selectors) > mostSelectors {
			t.Errorf("%s has %d selectors", h.Function, len(h.Selectors))
		}
		for _, r := range all {
			for _, o := range r.observations() {
				if o.kind != functions[h.Function] || kinds[o.kind].name == kindOpen {
					continue
				}
				for _, values := range o.examples() {
					if len(o.filters) > 0 && !h.admits(values, "") {
						t.Errorf("%s: %s with %v is observed and not told", r.ID, h.Function, values)
					}
				}
			}
		}
	}
}

// examples are values, by label, that an observation is about.
func (o *Observation) examples() []map[string]string {
	all := []map[string]string{{}}
	for _, f := range o.filters {
		var values []string
		values = append(values, f.text.all()...)
		for _, n := range f.numbers {
			values = append(values, strconv.FormatInt(n, 10))
		}
		if f.mask != 0 {
			values = append(values, strconv.FormatInt(f.mask, 10))
		}
		if f.row.how == byPort || f.row.how == byAddress {
			return nil // compared as addresses, see the acts of the rules
		}
		var more []map[string]string
		for _, one := range all {
			for _, value := range values {
				for _, label := range f.row.labels {
					with := map[string]string{label: value}
					maps.Copy(with, one)
					more = append(more, with)
				}
			}
		}
		all = more
	}
	return all
}

// A rule that needs a function that is not hooked says so, and one of several is enough.
func TestStanding(t *testing.T) {
	r := rule(t, "observe: [dup, exec]\n")
	if fires, reasons := r.Standing(nil); !fires || len(reasons) != 1 {
		t.Errorf("%t, %q", fires, reasons)
	}
	r = rule(t, "observe: [dup]\n")
	if fires, reasons := r.Standing(map[string]Attached{"sys_dup": {Refused: "no"}}); fires || !slices.Equal(reasons, []string{"sys_dup: no"}) {
		t.Errorf("%t, %q", fires, reasons)
	}
	if fires, reasons := r.Standing(map[string]Attached{"sys_dup": {Refused: "no"}, "sys_dup3": {}}); !fires || !slices.Equal(reasons, []string{"sys_dup: no"}) {
		t.Errorf("%t, %q", fires, reasons)
	}
	if fires, reasons := r.Standing(map[string]Attached{"sys_dup": {}, "sys_dup2": {}, "sys_dup3": {}}); !fires || reasons != nil {
		t.Errorf("%t, %q", fires, reasons)
	}
	if fires, _ := rule(t, "before: [{observe: [dup], key: process.exe, within: 1s}]\nkey: process.exe\n").Standing(nil); fires {
		t.Error("what has to happen before is not seen, and the rule counts as one that fires")
	}
}
