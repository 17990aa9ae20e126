// SPDX-License-Identifier: Apache-2.0

package compose

import (
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// sections is a policy per section, since Tetragon wants one kind of hook in each.
func sections(selectors ...Selector) []Policy {
	no := false
	return []Policy{
		{Name: "kprobes", Kprobes: []Hook{{Call: "security_file_open", Syscall: &no, Args: []Argument{{Type: "file"}}, Selectors: selectors}}},
		{Name: "tracepoints", Tracepoints: []Hook{{Subsystem: "syscalls", Event: "sys_enter_openat", Args: []Argument{{Index: 5, Type: "uint64"}}, Selectors: selectors}}},
		{Name: "lsm", LSMHooks: []Hook{{Hook: "file_open", Args: []Argument{{Type: "file"}}, Selectors: selectors}}},
		{Name: "uprobes", Uprobes: []Hook{{Path: "/bin/bash", Symbols: []string{"readline"}, Selectors: selectors}}},
		{Name: "usdts", USDTs: []Hook{{Path: "/bin/bash", Provider: "a", Name: "b", Selectors: selectors}}},
	}
}

// parsed is what the policies mean to the tracer.
func parsed(t *testing.T, policies []Policy) []*policy.Policy {
	t.Helper()
	text, err := YAML(policies...)
	if err != nil {
		t.Fatal(err)
	}
	file, err := policy.Parse("test", strings.NewReader(string(text)))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return file.Policies
}

func TestNarrow(t *testing.T) {
	n := Narrowing{Programs: []string{"curl", "[.exe"}, PIDs: []uint32{7}}
	if s := n.selector(); len(s.MatchBinaries) != 0 {
		t.Errorf("a name that is uncertain: %+v", s)
	}
	n.Programs = []string{"curl", "wget"}
	for _, selectors := range [][]Selector{nil, {{}}, {{}, {MatchActions: []Action{{Action: "Post", RateLimit: "5"}}}}} {
		for _, p := range parsed(t, Narrow(sections(selectors...), n)) {
			for _, hook := range p.Hooks {
				if len(hook.Selectors) != max(1, len(selectors)) {
					t.Errorf("%s: %d selectors of %d", p.Name, len(hook.Selectors), len(selectors))
				}
				for _, s := range hook.Selectors {
					if len(s.Binaries) != 1 || s.Binaries[0].Match != policy.MatchPostfix || s.Binaries[0].Negated || !slices.Equal(s.Binaries[0].Values, n.Programs) {
						t.Errorf("%s: programs %+v", p.Name, s.Binaries)
					}
					if len(s.PIDs) != 1 || !slices.Equal(s.PIDs[0].Values, n.PIDs) || s.PIDs[0].Negated || s.PIDs[0].InNamespace || s.PIDs[0].FollowForks {
						t.Errorf("%s: PIDs %+v", p.Name, s.PIDs)
					}
				}
			}
		}
	}
}

// What does more than report, or has such a filter already, stays as it is, and so do the policies that were given.
func TestNarrowLeavesAlone(t *testing.T) {
	n := Narrowing{Programs: []string{"curl"}, PIDs: []uint32{7}}
	for _, s := range []Selector{
		{MatchActions: []Action{{Action: "Sigkill"}}},
		{MatchActions: []Action{{Action: "Post"}, {Action: "Override", ArgError: -1}}},
		{MatchActions: []Action{{Action: "FollowFD"}}},
		{MatchActions: []Action{{Action: "NoPost"}}},
		{MatchBinaries: []Binaries{{Operator: "In", Values: []string{"/x"}}}, MatchPIDs: []PIDs{{Operator: "In", Values: []uint32{1}}}},
	} {
		for _, p := range Narrow(sections(s), n) {
			for _, hook := range slices.Concat(p.Kprobes, p.Tracepoints, p.LSMHooks, p.Uprobes, p.USDTs) {
				got := hook.Selectors[0]
				if !slices.EqualFunc(got.MatchBinaries, s.MatchBinaries, func(a, b Binaries) bool { return slices.Equal(a.Values, b.Values) }) || len(got.MatchPIDs) != len(s.MatchPIDs) {
					t.Errorf("%s: %+v became %+v", p.Name, s, got)
				}
			}
		}
	}
	before := sections(Selector{})
	Narrow(before, n)
	if len(before[0].Kprobes[0].Selectors[0].MatchBinaries) != 0 || len(Narrow(sections(), Narrowing{})[0].Kprobes[0].Selectors) != 0 {
		t.Error("the policies that were given are changed, or something is narrowed by nothing")
	}
}

func TestNarrowingIsWhatIsCertain(t *testing.T) {
	for _, test := range []struct {
		programs []string
		pids     []uint32
		binaries int
		matched  int
	}{
		{nil, nil, 0, 0},
		{[]string{"curl", "g++", "x86_64-linux-gnu-gcc-12", "a.out"}, []uint32{1, 2, 3, 4}, 1, 1},
		{[]string{"curl", "kworker/0:1"}, []uint32{1, 2, 3, 4, 5}, 0, 0},
		{[]string{"x (deleted)"}, nil, 0, 0}, {[]string{"[kthreadd]"}, nil, 0, 0}, {[]string{"<kernel>"}, nil, 0, 0},
		{[]string{"größe"}, nil, 0, 0}, {[]string{"\uFFFD"}, nil, 0, 0}, {[]string{`a\x00`}, nil, 0, 0}, {[]string{""}, nil, 0, 0},
		{[]string{strings.Repeat("x", 127)}, nil, 1, 0}, {[]string{strings.Repeat("x", 128)}, nil, 0, 0},
	} {
		s := Narrowing{test.programs, test.pids}.selector()
		if len(s.MatchBinaries) != test.binaries || len(s.MatchPIDs) != test.matched {
			t.Errorf("%q %v: %+v", test.programs, test.pids, s)
		}
	}
}
