// SPDX-License-Identifier: Apache-2.0

package enforce

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/scope"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/golden"
)

// previewed are policies of every way to enforce, and one that only reports.
const previewed = `
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: denies}
spec:
  kprobes:
  - {call: security_file_open, syscall: false, selectors: [{matchActions: [{action: Override, argError: -1}]}]}
  - {call: security_path_unlink, syscall: false, selectors: [{matchActions: [{action: Override, argError: -13}]}]}
---
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: kills}
spec:
  kprobes:
  - {call: security_path_rename, syscall: false, selectors: [{matchActions: [{action: Sigkill}, {action: NoPost}]}]}
  - {call: security_path_link, syscall: false, selectors: [{matchActions: [{action: Sigkill}]}, {matchActions: [{action: Signal, argSig: 15}]}]}
  - {call: security_path_mkdir, syscall: false, selectors: [{matchActions: [{action: Override, argError: -1}, {action: Sigkill}, {action: Post, rateLimit: 5s}]}]}
  - {call: security_path_rmdir, syscall: false, selectors: [{matchActions: [{action: Sigkill}]}]}
  - {call: security_path_chmod, syscall: false, ignore: {callNotFound: true}, selectors: [{matchActions: [{action: Sigkill}]}]}
  - {call: security_bprm_check, syscall: false}
---
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: notifies}
spec:
  enforcers: [{calls: [sys_symlink]}]
  tracepoints:
  - {subsystem: syscalls, event: sys_enter_symlink, selectors: [{matchActions: [{action: NotifyEnforcer, argError: -1, argSig: 9}]}]}
---
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: reports}
spec: {loader: true}
`

// hooksOn are what became of the previewed hooks on a node that can deny, or one that can't.
func hooksOn(prevents bool) (hooks []event.Hook) {
	add := func(policy, name string, more event.Hook) {
		more.Policy, more.Name = policy, name
		if more.Refused == "" && more.Notes == nil {
			more.Backend, more.Prevents = "lsm", prevents
			if !prevents {
				more.Backend, more.Via = "sys_enter", "tracepoint sys_enter"
				more.Notes = []string{"what is done through io_uring is not seen"}
			}
		}
		hooks = append(hooks, more)
	}
	add("denies", "security_file_open", event.Hook{})
	add("denies", "security_path_unlink", event.Hook{})
	for _, name := range []string{"rename", "link", "mkdir"} {
		add("kills", "security_path_"+name, event.Hook{})
	}
	add("kills", "security_path_rmdir", event.Hook{Refused: "lsm: the verifier refuses\x1b[2J it"})
	add("kills", "security_path_chmod", event.Hook{Notes: []string{"left out, as the policy allows: this kernel has no such function"}})
	add("kills", "security_bprm_check", event.Hook{})
	add("notifies", "syscalls/sys_enter_symlink", event.Hook{})
	add("reports", "loader", event.Hook{})
	if prevents {
		add("notifies", "enforcer sys_symlink", event.Hook{})
	} else {
		add("notifies", "enforcer sys_symlink", event.Hook{Refused: "no error injection"})
	}
	return append(hooks, event.Hook{Name: "sched_process_exec", Backend: "tp_btf"})
}

func parsed(t *testing.T, text string, names ...string) (policies []*policy.Policy) {
	t.Helper()
	file, err := policy.Parse("test.yaml", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range file.Policies {
		for _, name := range names {
			if p.Name == name {
				policies = append(policies, p)
			}
		}
	}
	return policies
}

func TestPreview(t *testing.T) {
	strong, weak := hooksOn(true), hooksOn(false)
	for name, test := range map[string]struct {
		policies []string
		nodes    map[string][]event.Hook
		// refused are the nodes that must be.
		refused map[string]string
	}{
		"both": {[]string{"kills", "reports"}, map[string][]event.Hook{"n1": strong, "n2": weak, "n3": strong}, nil},
		"one can't deny": {[]string{"denies"}, map[string][]event.Hook{"n1": strong, "n2": weak},
			map[string]string{"n2": "Override can't be carried out at security_file_open"}},
		"enforcers": {[]string{"notifies"}, map[string][]event.Hook{"n1": strong, "n2": weak}, nil},
		"nothing is served": {[]string{"kills"}, map[string][]event.Hook{"n1": {{Policy: "kills", Name: "security_path_rename", Refused: "no"}}, "n2": weak},
			map[string]string{"n1": "none of the hooks"}},
		"not all is told": {[]string{"kills"}, map[string][]event.Hook{"n1": append(weak[:3:3], event.Hook{Name: "…", Refused: "no room to say what became of 9 hooks"})}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			p := preview{policies: parsed(t, previewed, test.policies...), nodes: test.nodes, targets: map[string][]string{"n1": {"shop/a", "shop/b (has the node's network)"}, "n2": {"shop/c"}}}
			refused := p.refused("the remedy")
			for node := range test.nodes {
				want, why := test.refused[node], refused[node]
				if (want == "") != (why == nil) || why != nil && !strings.Contains(why.Error(), want) {
					t.Errorf("%s: %v, want %q", node, why, want)
				}
			}
			golden.Check(t, "testdata/enforce-"+strings.ReplaceAll(strings.ReplaceAll(name, " ", "-"), "'", "")+".txt", p.text(refused, 10*time.Minute))
		})
	}
}

// TestPreviewOfSomeOfThePods: where policies do not act on all that there is, the preview says on which pods and containers.
func TestPreviewOfSomeOfThePods(t *testing.T) {
	texts := []string{
		strings.Replace(webOnly, "web-only", "web-main", 1),
		strings.NewReplacer("web-only", "all-mains", "  podSelector: {matchLabels: {app: web}}\n", "").Replace(webOnly),
		strings.NewReplacer("web-only", "elsewhere", "app: web", "app: other").Replace(webOnly),
		strings.NewReplacer("web-only", "entries", "  podSelector: {matchLabels: {app: web}}\n", "", "  containerSelector: {matchExpressions: [{key: name, operator: In, values: [main]}]}\n", "",
			"selectors: [{", "selectors: [{matchWorkloads: {podSelector: {matchLabels: {app: db}}}, ").Replace(webOnly),
		strings.NewReplacer("web-only", "everywhere", "  podSelector: {matchLabels: {app: web}}\n", "", "  containerSelector: {matchExpressions: [{key: name, operator: In, values: [main]}]}\n", "").Replace(webOnly),
	}
	var names []string
	hooks := map[string][]event.Hook{}
	for _, name := range []string{"web-main", "all-mains", "elsewhere", "entries", "everywhere"} {
		names = append(names, name)
		for _, node := range []string{"n1", "n2"} {
			hooks[node] = append(hooks[node], event.Hook{Policy: name, Name: "security_file_open", Backend: "fmod_ret", Prevents: true})
		}
	}
	text := strings.Join(texts, "---")
	s, err := scope.New(scope.Options{Policies: parsed(t, text, names...), Sources: []wire.PolicySource{{Name: "test.yaml", Text: text}}, Enforcing: true})
	if err != nil {
		t.Fatal(err)
	}
	pods := []*corev1.Pod{
		webPod("shop", "web", withSidecar), webPod("shop", "small", nil),
		webPod("shop", "db", func(p *corev1.Pod) { p.Labels["app"], p.Spec.NodeName = "db", "n2" }),
		webPod("shop", "on-another-node", func(p *corev1.Pod) { p.Spec.NodeName = "n3" }),
	}
	p := preview{policies: s.Policies, nodes: hooks, targets: podTargets(pods[:3]), scope: s, pods: pods}
	golden.Check(t, "testdata/enforce-some-pods.txt", p.text(nil, 10*time.Minute))
}

// asking is an approval whose answer comes from in; what it says goes to errOut.
func asking(t *testing.T, in io.Reader, errOut io.Writer, args ...string) *Approval {
	t.Helper()
	a := &Approval{
		Options: &Options{Yes: len(args) > 0}, Duration: DefaultDuration, In: in,
		Say:    func(_ event.Level, text string) { fmt.Fprintln(errOut, text) },
		Prompt: func(text string) { fmt.Fprint(errOut, text) },
	}
	return a.OnPods(parsed(t, previewed, "denies"), nil, nil)
}

func TestAnswers(t *testing.T) {
	for answer, want := range map[string]bool{"y\n": true, "Yes \n": true, "Y": true, "n\n": false, "\n": false, "": false, "yesterday\n": false, "no, y\n": false} {
		var said bytes.Buffer
		rest := strings.NewReader(answer + "for the command")
		if !strings.HasSuffix(answer, "\n") {
			rest = strings.NewReader(answer)
		}
		_, err := asking(t, rest, &said).Approve(t.Context(), map[string]*event.Hello{"n1": {Hooks: hooksOn(true)}})
		if (err == nil) != want {
			t.Errorf("%q: %v", answer, err)
		}
		if left, _ := io.ReadAll(rest); strings.HasSuffix(answer, "\n") && string(left) != "for the command" {
			t.Errorf("%q: what is behind the answer was read too: %q is left", answer, left)
		}
		if text := said.String(); !strings.Contains(text, "denied (EPERM)") || !strings.Contains(text, "[y/N]") || strings.Index(text, "[y/N]") < strings.Index(text, "EPERM") {
			t.Errorf("said:\n%s", text)
		}
	}
}

// Nodes that can't do what is asked for are refused; later ones without a question, and whatever was answered before.
func TestApproval(t *testing.T) {
	var said bytes.Buffer
	a := asking(t, strings.NewReader(""), &said, "--yes")
	refused, err := a.Approve(t.Context(), map[string]*event.Hello{"n1": {Hooks: hooksOn(true)}, "n2": {Hooks: hooksOn(false)}})
	if err != nil || len(refused) != 1 || refused["n2"] == nil {
		t.Errorf("%v, %v", refused, err)
	}
	if refused, err := a.Approve(t.Context(), map[string]*event.Hello{"n3": {Hooks: hooksOn(false)}}); err != nil || refused["n3"] == nil {
		t.Errorf("a later node: %v, %v", refused, err)
	}
	if refused, err := a.Approve(t.Context(), map[string]*event.Hello{"n4": {Hooks: hooksOn(true)}}); err != nil || refused["n4"] != nil {
		t.Errorf("a later node: %v, %v", refused, err)
	}
	if strings.Contains(said.String(), "[y/N]") || !strings.Contains(said.String(), "NOT on n2") {
		t.Errorf("said:\n%s", said.String())
	}
	if _, err := asking(t, strings.NewReader(""), io.Discard, "--yes").Approve(t.Context(), map[string]*event.Hello{"n2": {Hooks: hooksOn(false)}}); err == nil || !strings.Contains(err.Error(), "node n2") {
		t.Errorf("no node is left: %v", err)
	}
}

// Who does not answer is not waited for when the session ends.
func TestInterruptedQuestion(t *testing.T) {
	in, out := io.Pipe()
	defer out.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errTooLate)
	if _, err := asking(t, in, io.Discard).Approve(ctx, map[string]*event.Hello{"n1": {Hooks: hooksOn(true)}}); !errors.Is(err, errTooLate) {
		t.Error(err)
	}
}

var errTooLate = fmt.Errorf("too late")

// TestStrictly: --strict takes only nodes on which every hook is served and none has a note.
func TestStrictly(t *testing.T) {
	whole := event.Hook{Policy: "kills", Name: "security_path_link", Backend: "lsm", Prevents: true}
	leftOut := event.Hook{Policy: "kills", Name: "security_path_chmod", Notes: []string{"left out, as the policy allows: this kernel has no such function"}}
	noted, refusedHook := whole, event.Hook{Policy: "kills", Name: "security_path_rename", Refused: "no"}
	noted.Notes = []string{"what is done through io_uring is not seen"}
	p := preview{policies: parsed(t, previewed, "kills"), nodes: map[string][]event.Hook{
		"whole": {whole, leftOut}, "noted": {noted}, "in part": {whole, refusedHook}, "refused": {noted},
	}}
	before := errors.New("before")
	refused := map[string]error{"refused": before}
	p.strictly(refused)
	if refused["whole"] != nil || !errors.Is(refused["refused"], before) {
		t.Errorf("%v", refused)
	}
	for node, want := range map[string]string{"noted": "io_uring", "in part": "security_path_rename is not enforced"} {
		if refused[node] == nil || !strings.Contains(refused[node].Error(), want) {
			t.Errorf("%s: %v, want %q", node, refused[node], want)
		}
	}
}
