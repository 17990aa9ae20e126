// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tracer

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

const containerE = "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"

// Bits of the selections of workloadPolicies, in the order in which they stand there.
const (
	web uint64 = 1 << iota
	mainOfDB
	lateContainer
)

// workloadPolicies are about a call and about programs that are executed: one as a whole for some pods, one in each selector, one
// for some containers. $CALL is the call, $DO what they do.
const workloadPolicies = `
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: scoped}
spec:
  podSelector: {matchLabels: {app: web}}
  kprobes:
  - {call: $CALL, syscall: true, selectors: [{label: all, matchActions: [{action: $DO}]}]}
  tracepoints:
  - {subsystem: sched, event: sched_process_exec, raw: true, args: [{index: 2, type: linux_binprm}], selectors: [{label: all, matchActions: [{action: $DO}]}]}
---
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: matched}
spec:
  kprobes:
  - call: $CALL
    syscall: true
    selectors:
    - {label: web, matchWorkloads: {podSelector: {matchLabels: {app: web}}}, matchActions: [{action: $DO}]}
    - {label: db-main, macros: [main-of-db], matchActions: [{action: $DO}]}
  selectorsMacros:
    main-of-db:
      matchWorkloads:
        podSelector: {matchLabels: {app: db}}
        containerSelector: {matchLabels: {name: main}}
---
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: late}
spec:
  containerSelector: {matchLabels: {name: late}}
  kprobes:
  - {call: $CALL, syscall: true, selectors: [{label: all, matchActions: [{action: $DO}]}]}
`

func workloadPoliciesThat(do, call string) string {
	return strings.NewReplacer("$CALL", call, "$DO", do).Replace(workloadPolicies)
}

// pods are podA and podB with the selections that hold for them, and for containers of podB.
func pods(ofA, ofB uint64, containers map[string]uint64) wire.Targets {
	return wire.Targets{Pods: []wire.Pod{{UID: podA, Selections: ofA}, {UID: podB, Selections: ofB, Containers: containers}}}
}

// hooked is what came of the hooks that a process with these arguments met.
func (r *recording) hooked(arguments string) (told []string) {
	for _, e := range r.events {
		var hooked *event.Hooked
		switch {
		case e.ProcessKprobe != nil:
			hooked = &e.ProcessKprobe.Hooked
		case e.ProcessTracepoint != nil:
			hooked = &e.ProcessTracepoint.Hooked
		default:
			continue
		}
		if e.Process().Arguments == arguments {
			told = append(told, fmt.Sprintf("%s %s %s", e.Kind(), hooked.PolicyName, hooked.SelectorLabel))
		}
	}
	slices.Sort(told)
	return told
}

// TestWorkloadsAreToldApart: policies, and selectors of policies, see the processes of the pods and containers that they are about,
// and of no others. Containers have what their pod has until something else is said of them.
func TestWorkloadsAreToldApart(t *testing.T) {
	needRoot(t)
	scenario := scenarioProgram(t)
	for hierarchy, root := range hierarchyRoots(t) {
		t.Run(hierarchy, func(t *testing.T) {
			cgroup := func(pod string, path ...string) string {
				return makeCgroup(t, root, append([]string{"kubepods", "pod" + pod}, path...)...)
			}
			a, b := cgroup(podA, containerA), cgroup(podB, containerB)
			holdOpen(t, a)
			holdOpen(t, b)
			l := startLivePolicies(t, pods(web, 0, map[string]uint64{containerB: mainOfDB, containerE: 0}), workloadPoliciesThat("Post", "sys_exit_group"))
			want := map[string][]string{}
			do := func(code, cgroup string, told ...string) {
				runIn(t, cgroup, scenario, "exit", code)
				want["exit "+code] = told
			}
			do("1", a, "PROCESS_KPROBE matched web", "PROCESS_KPROBE scoped all", "PROCESS_TRACEPOINT scoped all")
			do("2", b, "PROCESS_KPROBE matched db-main")
			do("3", cgroup(podB, containerC))
			do("4", cgroup(podB, containerB, containerC), "PROCESS_KPROBE matched db-main") // what is below, a process may have named as it likes
			do("5", cgroup(podB, containerE))
			later := cgroup(podB, containerD)
			do("6", later)
			l.send(wire.Control{Targets: &[]wire.Targets{pods(0, 0, map[string]uint64{containerD: ^uint64(0)})}[0]})
			l.wait("the new selections", func(raw []byte) bool {
				runIn(t, later, scenario, "exit", "99")
				return bytes.Contains(raw, []byte(`"policy_name":"late"`))
			})
			do("7", a)
			do("8", b)
			do("9", later, "PROCESS_KPROBE late all", "PROCESS_KPROBE matched web", "PROCESS_KPROBE scoped all", "PROCESS_TRACEPOINT scoped all")
			r := l.stop()
			for arguments, want := range want {
				if got := r.hooked(arguments); !slices.Equal(got, want) {
					t.Errorf("%s: %q, want %q", arguments, got, want)
				}
			}
		})
	}
}

// TestWorkloadsAreEnforcedApart: the same for what policies forbid, and for a session that is about some containers only.
func TestWorkloadsAreEnforcedApart(t *testing.T) {
	needRoot(t)
	root := hierarchyRoots(t)["unified"]
	a, b, c := makeCgroup(t, root, "kubepods/pod"+podA, containerA), makeCgroup(t, root, "kubepods/pod"+podB, containerB), makeCgroup(t, root, "kubepods/pod"+podB, containerC)
	for _, cgroup := range []string{a, b, c} {
		holdOpen(t, cgroup) // by the processes in it a cgroup is found that is there already
	}
	for name, test := range map[string]struct {
		policies string
		narrowed bool
		targets  wire.Targets
		a, b, c  bool
	}{
		"a policy for each pod":        {workloadPoliciesThat("Sigkill", "sys_getppid"), false, pods(web, 0, map[string]uint64{containerB: mainOfDB}), true, true, false},
		"the other container":          {workloadPoliciesThat("Sigkill", "sys_getppid"), false, pods(0, 0, map[string]uint64{containerC: mainOfDB}), false, false, true},
		"containers that nobody knows": {workloadPoliciesThat("Sigkill", "sys_getppid"), false, pods(0, 0, nil), false, false, false},
		"a session about one container": {killsShells, true,
			pods(policy.SessionSelection, 0, map[string]uint64{containerC: policy.SessionSelection}), true, false, true},
		"narrowed twice": {strings.Replace(killsShells, "spec:", "spec:\n  podSelector: {matchLabels: {app: web}}", 1), true,
			pods(policy.SessionSelection, web, map[string]uint64{containerC: policy.SessionSelection | web}), false, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			l := startArmed(t, time.Hour, test.targets, test.policies, func(c *wire.TracerConfig) { c.Narrowed = test.narrowed })
			l.send(wire.Control{Targets: &test.targets})
			l.armed()
			for cgroup, want := range map[string]bool{a: test.a, b: test.b, c: test.c} {
				if got := shellIn(t, cgroup); got != want {
					t.Errorf("%s: killed %t, want %t", cgroup, got, want)
				}
			}
			l.stop()
		})
	}
}
