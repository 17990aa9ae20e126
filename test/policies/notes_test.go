// SPDX-License-Identifier: Apache-2.0

//go:build linux

package policies

import (
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/hook"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/policies/harness"
)

// noted are hooks of which hello says what they do otherwise than was asked for, a part of the sentence each.
var noted = []struct {
	name, spec, note string
	// stoodIn: only kernels that have tracepoints alone do so.
	stoodIn bool
}{
	{"kill-without-post", kprobe("sys_getsid", "{index: 0, type: int}", "matchActions: [{action: Sigkill}, {action: NoPost}]"),
		"what is enforced is told all the same", false},
	{"return-kill-without-post", kprobe("sys_umask", "{index: 0, type: int}",
		"matchActions: [{action: NoPost}]\n    matchReturnActions: [{action: Sigkill}]") +
		"\n  return: true\n  returnArg: {index: 0, type: int}", "what is enforced is told all the same", false},
	{"much-of-a-buffer", kprobe("sys_write", "{index: 1, type: char_buf, sizeArgIndex: 2, maxData: true}, {index: 2, type: size_t}"),
		"at most 8192 bytes of the buffer are sent", false},
	{"hash-of-a-program", "lsmhooks:\n- hook: bprm_check_security\n  args: [{index: 0, type: linux_binprm}]\n" +
		"  selectors: [{matchActions: [{action: Post, imaHash: true}]}]", "only by a program that is an LSM hook itself", true},
	{"another-mask-or-a-write", kprobe("security_file_permission", fileAndMask, "matchArgs: ["+filter(1, "Equal", "1")+"]",
		"matchArgs: ["+filter(1, "Equal", "2")+"]"), "selector 1 can never match here: argument 1 is shown as", true},
}

// unnoted is a hook of which none of that can be said.
const unnoted = "without-post"

func TestNotes(t *testing.T) {
	rows := []row{{name: unnoted, spec: kprobe("sys_write", "{index: 1, type: char_buf, sizeArgIndex: 2}, {index: 2, type: size_t}",
		"matchActions: [{action: NoPost}]")}}
	for _, n := range noted {
		rows = append(rows, row{name: n.name, spec: n.spec})
	}
	var texts []string
	for i := range rows {
		texts = append(texts, rows[i].policyText(newFolder(t, "")))
	}
	result := harness.Run(t, strings.Join(texts, "---\n"), harness.Options{}, harness.Step{Label: "nobody", Do: "nothing"})
	says := func(hook, note string) bool {
		h, found := result.Hook(hook)
		if !found || h.Refused != "" {
			t.Fatalf("%s is not served: %+v", hook, h)
		}
		return slices.ContainsFunc(h.Notes, func(n string) bool { return strings.Contains(n, note) })
	}
	for _, n := range noted {
		if want := !n.stoodIn || !result.HasTier(string(hook.TierTrampoline)); says(n.name, n.note) != want {
			t.Errorf("%s: hello says %q: %t, want %t", n.name, n.note, !want, want)
		}
		if says(unnoted, n.note) {
			t.Errorf("%s: hello says %q", unnoted, n.note)
		}
	}
}
