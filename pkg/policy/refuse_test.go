// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// here marks the line of a test's policy that a problem is expected in.
const here = "#HERE"

// document wraps a spec, given with its own indentation, into a policy.
func policyText(spec string) string {
	return "apiVersion: cilium.io/v1alpha1\nkind: TracingPolicy\nmetadata: {name: test}\nspec:\n" + spec + "\n"
}

// hookText is a spec with one hook of a kind whose arguments and selectors are in flow style.
func hookText(kind HookKind, args, selector string) string {
	heads := map[HookKind]string{
		Kprobe:        "kprobes:\n  - call: security_file_open\n    syscall: false\n    return: true\n    returnArg: {index: 0, type: int}",
		Fentry:        "fentries:\n  - call: security_file_open\n    syscall: false\n    return: true\n    returnArg: {index: 0, type: int}",
		Tracepoint:    "tracepoints:\n  - subsystem: sched\n    event: sched_switch",
		RawTracepoint: "tracepoints:\n  - subsystem: sched\n    event: sched_switch\n    raw: true",
		LSM:           "lsmhooks:\n  - hook: file_open",
		Uprobe:        "uprobes:\n  - path: /bin/bash\n    symbols: [readline]\n    return: true\n    returnArg: {index: 0, type: int}",
		USDT:          "usdts:\n  - path: /bin/bash\n    provider: bash\n    name: line",
	}
	text := "  " + heads[kind]
	if args != "" {
		text += "\n    args: [" + args + "]"
	}
	if selector != "" {
		text += "\n    selectors:\n    - " + selector
	}
	return policyText(text)
}

// parse fails the test if the policy does not parse, and returns its first hook.
func parse(t *testing.T, text string) *Hook {
	t.Helper()
	file, err := Parse("test.yaml", strings.NewReader(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return &file.Policies[0].Hooks[0]
}

// refused fails the test unless exactly one problem is found, at the line marked with here if one is, with the message in it.
func refused(t *testing.T, text, want string) {
	t.Helper()
	_, err := Parse("test.yaml", strings.NewReader(text))
	var problems Problems
	if !errors.As(err, &problems) {
		t.Fatalf("accepted (%v):\n%s", err, text)
	}
	line := 0
	for i, l := range strings.Split(text, "\n") {
		if strings.Contains(l, here) {
			line = i + 1
		}
	}
	if len(problems) != 1 || !strings.Contains(problems[0].Path+": "+problems[0].Message, want) || line > 0 && problems[0].Line != line {
		t.Errorf("want in line %d: %s\ngot %v\n%s", line, want, err, text)
	}
}

func TestDocumentsRefused(t *testing.T) {
	const head = "apiVersion: cilium.io/v1alpha1\nkind: TracingPolicy\nmetadata: {name: a}\n"
	for _, test := range []struct{ text, want string }{
		{"", "there is no policy"},
		{"---\n---\n", "there is no policy"},
		{"kind: Pod\napiVersion: v1\nmetadata: {name: a}\n", "there is no policy, only Pod a: want documents of kind TracingPolicy"},
		{"tetragon: {enabled: true}\n", "these look like values of Tetragon's Helm chart"},
		{"a: [\n", "neither YAML nor JSON"},
		{"\n\na: b: c #HERE\n", "neither YAML nor JSON"},
		{"- a\n", "want a mapping, got a list"},
		{"metadata: {}\n", "kind is missing"},
		{"kind: TracingPolcy #HERE\napiVersion: cilium.io/v1alpha1\n", `kind: unknown kind "TracingPolcy"; did you mean TracingPolicy?`},
		{"apiVersion: cilium.io/v1 #HERE\nkind: TracingPolicy\nmetadata: {name: a}\nspec: {loader: true}\n", "has apiVersion cilium.io/v1alpha1"},
		{"kind: TracingPolicy\nmetadata: {name: a}\nspec: {loader: true}\n", "has apiVersion cilium.io/v1alpha1"},
		{head, "spec is missing"},
		{head + "spec: {}\n", "watches nothing"},
		{head + "spec: {loader: false}\n", "watches nothing"},
		{head + "spec: [] #HERE\n", "spec: want a mapping, got a list"},
		{head + "spec: {loader: true}\nspce: {} #HERE\n", "spce: unknown field; did you mean spec?"},
		{head + "spec:\n  loader: true\n  kprobe: [] #HERE\n", "spec.kprobe: unknown field; did you mean kprobes?"},
		{head + "spec:\n  loader: true\n  loader: true #HERE\n", "spec.loader: the field is there twice"},
		{head + "spec:\n  loader: \"true\" #HERE\n", `spec.loader: want true or false, got the text "true"`},
		{head + "spec:\n  kprobes: {call: a} #HERE\n", "spec.kprobes: want a list, got a mapping"},
		{"apiVersion: cilium.io/v1alpha1\nkind: TracingPolicy\nmetadata: {name: A_b} #HERE\nspec: {loader: true}\n", `"A_b" is not a name`},
		{"apiVersion: cilium.io/v1alpha1\nkind: TracingPolicy\nmetadata: {labels: {}} #HERE\nspec: {loader: true}\n", "metadata: name is missing"},
		{"apiVersion: cilium.io/v1alpha1\nkind: TracingPolicy\nmetadata: {name: a, namespace: b} #HERE\nspec: {loader: true}\n", "TracingPolicyNamespaced"},
		{"apiVersion: cilium.io/v1alpha1\nkind: TracingPolicyNamespaced\nmetadata: {name: a}\nspec:\n  loader: true\n  hostSelector: {} #HERE\n", "has no hostSelector"},
		{head + "spec: {loader: true}\n---\n" + head + "spec: {loader: true}\n", `the policy at test.yaml:1 is called "a" too`},
		{head + "spec: &a #HERE\n  loader: true\n  <<: *a\n", "merges"},
		{head + "spec:\n  <<: [x] #HERE\n  loader: true\n", `merges mappings, got the text "x"`},
	} {
		refused(t, test.text, test.want)
	}
}

func TestSpecRefused(t *testing.T) {
	const loader = "  loader: true\n"
	for _, test := range []struct{ spec, want string }{
		{loader + "  podSelector: {matchLabels: {app: [web]}} #HERE", "matchLabels.app: want text, got a list"},
		{loader + "  podSelector: {matchLabels: {'a b': web}} #HERE", "is not the key of a label"},
		{loader + "  podSelector: {matchLabels: {app: 'a b'}} #HERE", "is not the value of a label"},
		{loader + "  podSelector: {matchExpressions: [{key: a, operator: in, values: [b]}]} #HERE", `unknown operator "in"; did you mean In?`},
		{loader + "  podSelector: {matchExpressions: [{key: a, operator: In}]} #HERE", "operator In needs values"},
		{loader + "  podSelector: {matchExpressions: [{key: a, operator: Exists, values: [b]}]} #HERE", "operator Exists takes no values"},
		{loader + "  containerSelector: {matchLabels: {image: nginx}} #HERE", `unknown key "image"; want one of name, repo`},
		{loader + "  hostSelector: {matchLabels: {a: b}} #HERE", "hosts have no labels"},
		{loader + "  options:\n  - {name: policy-mod, value: monitor} #HERE", `unknown option "policy-mod"; did you mean policy-mode?`},
		{loader + "  options:\n  - {name: policy-mode, value: observe} #HERE", `want one of [enforce monitor], got "observe"`},
		{loader + "  options:\n  - {name: disable-kprobe-multi, value: yes} #HERE", `want "true" or "false"`},
		{loader + "  options:\n  - {name: sleepable-preload-size, value: '-1'} #HERE", "want a number of bytes"},
		{loader + "  options:\n  - {name: policy-mode, value: monitor}\n  - {name: policy-mode, value: enforce} #HERE", "option policy-mode is there twice"},
		{loader + "  lists:\n  - {name: a, type: syscall, values: [sys_dup]} #HERE", `unknown type of list "syscall"; did you mean syscalls?`},
		{loader + "  lists:\n  - {name: a, type: syscalls, values: [sys_dupp]} #HERE", "there is no system call dupp; did you mean sys_dup?"},
		{loader + "  lists:\n  - {name: a, type: syscalls, values: [__ia32_sys_newfstatat]} #HERE", "there is no system call newfstatat on i386"},
		{loader + "  lists:\n  - {name: a, type: syscalls} #HERE", "the list has no values"},
		{loader + "  lists:\n  - {name: a, type: generated_syscalls, values: [sys_dup]} #HERE", "finds its values itself"},
		{loader + "  lists:\n  - {name: a, type: generated_ftrace} #HERE", "needs a pattern"},
		{loader + "  lists:\n  - {name: a, type: generated_ftrace, pattern: '('} #HERE", "is not a regular expression"},
		{loader + "  lists:\n  - {name: a, values: ['1'], pattern: a} #HERE", "only a list of type generated_ftrace has a pattern"},
		{loader + "  lists:\n  - {name: a, values: ['1']}\n  - {name: a, values: ['2']} #HERE", `there is another list "a"`},
		{loader + "  enforcers:\n  - calls: ['list:dup'] #HERE\n  lists:\n  - {name: dups, values: [sys_dup]}", `there is no list "dup" in spec.lists; did you mean dups?`},
		{loader + "  enforcers:\n  - calls: [sys_dupp] #HERE", "there is no system call dupp"},
		{loader + "  selectorsMacros:\n    a: {matchPIDs: [{operator: In}]} #HERE", "selectorsMacros.a.matchPIDs[0]: values is missing"},
		{loader + "  selectorsMacros:\n    a: {macros: [b]} #HERE", "macros do not nest"},
		{"  kprobes:\n  - call: fd_install #HERE", "for a kernel function write syscall: false"},
		{"  kprobes:\n  - call: write #HERE", "system calls are written with sys_: sys_write"},
		{"  kprobes:\n  - call: sys_wirte #HERE", "there is no system call wirte; did you mean sys_write?"},
		{"  kprobes:\n  - call: list:none #HERE", `there is no list "none"`},
		{"  kprobes:\n  - {call: 'list:a', syscall: false} #HERE\n  lists:\n  - {name: a, type: syscalls, values: [sys_dup]}", "holds system calls: leave out syscall: false"},
		{"  kprobes:\n  - {call: 'list:a', syscall: true} #HERE\n  lists:\n  - {name: a, type: generated_ftrace, pattern: tcp}", "want syscall: false"},
		{"  kprobes:\n  - call: list:a\n  lists:\n  - {name: a, values: [tcp_close]} #HERE", "as a call:"},
		{"  kprobes:\n  - {call: 'a b', syscall: false} #HERE", "is not the name of a kernel function"},
		{"  kprobes:\n  - {call: __x64_sys_write, syscall: false, args: [{index: 0, type: int}]} #HERE", "is the entry of a system call"},
		{"  kprobes:\n  - {syscall: false} #HERE", "call is missing"},
		{"  kprobes:\n  - {call: sys_dup, return: true} #HERE", "returnArg is missing"},
		{"  kprobes:\n  - {call: sys_dup, return: false, returnArg: {index: 0, type: int}} #HERE", "nothing reads it: the hook has return: false"},
		{"  kprobes:\n  - {call: sys_dup, return: true, returnArg: {index: 1, type: int}} #HERE", "a function returns one value"},
		{"  kprobes:\n  - {call: sys_dup, return: true, returnArg: {index: 0}} #HERE", "returnArg: type is missing"},
		{"  kprobes:\n  - {call: sys_dup, returnArgAction: TrackSock} #HERE", "there is no returnArg"},
		{"  kprobes:\n  - {call: sys_dup, return: true, returnArg: {type: int}, returnArgAction: TrackSock} #HERE", "needs a returnArg of type sock"},
		{"  kprobes:\n  - {call: sys_dup, return: true, returnArg: {type: int}, returnArgAction: Sigkill} #HERE", "want TrackSock or UntrackSock"},
		{"  kprobes:\n  - {call: sys_dup, message: a} #HERE", "the message has 1 bytes"},
		{"  kprobes:\n  - {call: sys_dup, tags: [a]} #HERE", "the tag has 1 bytes"},
		{"  kprobes:\n  - {call: sys_dup, ignore: {callnotfound: true}} #HERE", "did you mean callNotFound?"},
		{"  tracepoints:\n  - {subsystem: sched} #HERE", "event is missing"},
		{"  tracepoints:\n  - {subsystem: sched, event: a/b} #HERE", `"a/b" is not a name`},
		{"  tracepoints:\n  - {subsystem: sched, event: a, return: true} #HERE", "unknown field"},
		{"  lsmhooks:\n  - {hook: security_file_open} #HERE", "the hook is file_open"},
		{"  lsmhooks:\n  - {hook: bpf_lsm_file_open} #HERE", "without bpf_lsm_: file_open"},
		{"  uprobes:\n  - {path: /bin/sh} #HERE", "want one of symbols, offsets and addrs"},
		{"  uprobes:\n  - {path: bin/sh, symbols: [a]} #HERE", "is not an absolute path"},
		{"  uprobes:\n  - {path: /bin/sh, symbols: [a], offsets: [1]} #HERE", "symbols and offsets exclude each other"},
		{"  uprobes:\n  - {path: /bin/sh, symbols: [a], refCtrOffsets: [1, 2]} #HERE", "2 of them for 1 places"},
		{"  uprobes:\n  - {path: /bin/sh, symbols: [a+x]} #HERE", "after + a number is wanted"},
		{"  uprobes:\n  - {path: /bin/sh, offsets: [-1]} #HERE", "want a number from 0"},
		{"  uprobes:\n  - {path: /bin/sh, symbols: [a], binaryDigests: ['md5:00']} #HERE", `unknown digest "md5"`},
		{"  uprobes:\n  - {path: /bin/sh, symbols: [a], binaryDigests: ['sha1:00']} #HERE", "want sha1: and its hexadecimal digits"},
		{"  uprobes:\n  - {path: /bin/sh, symbols: [a], resolvePathInContainer: true} #HERE", "needs a podSelector"},
		{"  uprobes:\n  - {path: /bin/sh, symbols: [a], ignore: {digestVerificationFailure: true}} #HERE", "there are no binaryDigests"},
		{"  usdts:\n  - {path: /bin/sh, provider: a} #HERE", "name is missing"},
	} {
		refused(t, policyText(test.spec), test.want)
	}
}

// TestAllProblemsAtOnce: one mistake hides no other, and they come in the order of the lines.
func TestAllProblemsAtOnce(t *testing.T) {
	text := policyText(`  kprobes:
  - call: fd_install
    args: [{index: 0, type: intt}]
    selectors:
    - matchArgs:
      - index: 0
        operator: Equals
        values: [1]
      matchActions: [{action: Sigkil}]
    mesage: x
  loader: 7`)
	_, err := Parse("p.yaml", strings.NewReader(text))
	var problems Problems
	if !errors.As(err, &problems) {
		t.Fatal(err)
	}
	var lines []int
	for _, p := range problems {
		lines = append(lines, p.Line)
	}
	if got := fmt.Sprint(lines); got != "[6 7 11 12 13 14 15]" {
		t.Errorf("lines %s of\n%v", got, err)
	}
	if want := `p.yaml:11: spec.kprobes[0].selectors[0].matchArgs[0].operator: unknown operator "Equals"; did you mean Equal?`; problems[2].Error() != want {
		t.Errorf("%s, want %s", problems[2].Error(), want)
	}
}

// TestAliasesOfAliases: a small file that would be billions of values is refused soon.
func TestAliasesOfAliases(t *testing.T) {
	spec := `  kprobes:
  - call: sys_dup
    selectors:
    - &one {matchBinaries: [&c {operator: In, values: [` + strings.Repeat("/a,", 1000) + `]},` + strings.Repeat("*c,", 100) + `]}
    - ` + "*one\n" + strings.Repeat("    - *one\n", 200)
	_, err := Parse("p.yaml", strings.NewReader(policyText(spec)))
	if err == nil || !strings.Contains(err.Error(), "too large") {
		t.Errorf("%.200v", err)
	}
}
