// SPDX-License-Identifier: Apache-2.0

package scope

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pods"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// killing is a policy that enforces, where its selector's matchWorkloads says, if it has one.
func killing(name, scope string, workloads ...string) string {
	selector := "matchActions: [{action: Sigkill}]"
	for _, w := range workloads {
		selector += ", matchWorkloads: " + w
	}
	return strings.Replace(document(policy.TracingPolicy, name, "", scope), "syscall: false", "syscall: false, selectors: [{"+selector+"}]", 1)
}

// fullPod has containers of every type: main and sidecar, of which the status tells if they run, setup and debug.
func fullPod(node string, running bool) *corev1.Pod {
	p := pod("shop", "a", node, "web")
	p.Spec.InitContainers = []corev1.Container{{Name: "setup"}}
	p.Spec.Containers = []corev1.Container{{Name: "main"}, {Name: "sidecar"}}
	p.Spec.EphemeralContainers = []corev1.EphemeralContainer{{EphemeralContainerCommon: corev1.EphemeralContainerCommon{Name: "debug"}}}
	if running {
		p.Status.ContainerStatuses = []corev1.ContainerStatus{
			{Name: "main", ContainerID: "containerd://1", Image: "docker.io/library/nginx:1.27"}, {Name: "sidecar", ContainerID: "containerd://2", Image: "mesh@sha256:0"},
		}
		p.Status.EphemeralContainerStatuses = []corev1.ContainerStatus{{Name: "debug", ContainerID: "containerd://3", Image: "busybox"}}
	}
	return p
}

const (
	webPods, dbPods = ", podSelector: {matchLabels: {app: web}}", ", podSelector: {matchLabels: {app: db}}"
	fastNodes       = ", nodeSelector: {matchLabels: {disk: ssd}}"
	ofNginx         = ", containerSelector: {matchLabels: {repo: docker.io/library/nginx}}"
)

func ofContainers(names string) string {
	return ", containerSelector: {matchExpressions: [{key: name, operator: In, values: [" + names + "]}]}"
}

// TestWhatATracerIsToldOfAPod: bits in the order in which the policies stand.
func TestWhatATracerIsToldOfAPod(t *testing.T) {
	type told struct {
		// observing and enforcing are what holds for the pod, and containers for those of it for which something else does.
		observing, enforcing  uint64
		containersOfObserving map[string]uint64
		containersOfEnforcing map[string]uint64
	}
	const session = policy.SessionSelection
	for name, test := range map[string]struct {
		policies   []string
		containers []string
		node       string
		starting   bool
		want       told
	}{
		"no selector":       {[]string{killing("p", "")}, nil, "slow", false, told{}},
		"one that is met":   {[]string{killing("p", webPods)}, nil, "slow", false, told{observing: 1, enforcing: 1}},
		"one that is not":   {[]string{killing("p", dbPods), killing("q", webPods)}, nil, "slow", false, told{observing: 2, enforcing: 2}},
		"the same twice":    {[]string{killing("p", webPods), killing("q", webPods), killing("r", dbPods)}, nil, "slow", false, told{observing: 1, enforcing: 1}},
		"namespace":         {[]string{document(policy.TracingPolicyNamespaced, "p", "shop", ""), document(policy.TracingPolicyNamespaced, "q", "", "")}, nil, "slow", false, told{observing: 1, enforcing: 1}},
		"every container":   {[]string{killing("p", ofContainers("setup, main, sidecar, debug"))}, nil, "slow", false, told{observing: 1, enforcing: 1}},
		"some containers":   {[]string{killing("p", ofContainers("main, setup"))}, nil, "slow", false, told{1, 0, map[string]uint64{"2": 0, "3": 0}, map[string]uint64{"1": 1}}},
		"no container":      {[]string{killing("p", ofContainers("other"))}, nil, "slow", false, told{}},
		"before they run":   {[]string{killing("p", ofContainers("main"))}, nil, "slow", true, told{observing: 1}},
		"image":             {[]string{killing("p", ofNginx)}, nil, "slow", false, told{1, 0, map[string]uint64{"2": 0, "3": 0}, map[string]uint64{"1": 1}}},
		"image not known":   {[]string{killing("p", ofNginx)}, nil, "slow", true, told{observing: 1}},
		"of another pod":    {[]string{killing("p", dbPods+ofContainers("main"))}, nil, "slow", false, told{}},
		"workloads":         {[]string{killing("p", "", "{podSelector: {matchLabels: {app: web}}, containerSelector: {matchLabels: {name: debug}}}")}, nil, "slow", false, told{1, 0, map[string]uint64{"1": 0, "2": 0}, map[string]uint64{"3": 1}}},
		"the host":          {[]string{killing("p", "", "{hostSelector: {}}")}, nil, "slow", false, told{}},
		"host and pods":     {[]string{killing("p", "", "{hostSelector: {}, podSelector: {}}")}, nil, "slow", false, told{observing: 1, enforcing: 1}},
		"node":              {[]string{killing("p", fastNodes), killing("q", webPods)}, nil, "fast", false, told{observing: 3, enforcing: 3}},
		"not on this node":  {[]string{killing("p", fastNodes), killing("q", webPods)}, nil, "slow", false, told{observing: 1, enforcing: 1}},
		"in a file that is": {[]string{killing("p", fastNodes) + "---\n" + killing("q", webPods)}, nil, "slow", false, told{observing: 2, enforcing: 2}},
		"named containers":  {[]string{killing("p", "")}, []string{"main", "sidecar"}, "slow", false, told{session, 0, map[string]uint64{"3": 0}, map[string]uint64{"1": session, "2": session}}},
		"named and selected": {[]string{killing("p", ofContainers("main"))}, []string{"main", "sidecar"}, "slow", false,
			told{session | 1, 0, map[string]uint64{"2": session, "3": 0}, map[string]uint64{"1": session | 1, "2": session}}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, enforcing := range []bool{false, true} {
				s := read(t, test.policies...)
				s, err := New(Options{Policies: s.Policies, Sources: s.Sources, Namespace: "mine", Containers: test.containers, Enforcing: enforcing, NodeLabels: s.NodeLabels})
				if err != nil {
					t.Fatal(err)
				}
				sources, err := s.SourcesOn(t.Context(), test.node)
				if err != nil || len(sources) == 0 {
					t.Fatalf("%v, %v", sources, err)
				}
				want := wire.Pod{UID: "a", Selections: test.want.observing, Containers: test.want.containersOfObserving}
				if enforcing {
					want.Selections, want.Containers = test.want.enforcing, test.want.containersOfEnforcing
				}
				if got := s.Pod(fullPod(test.node, !test.starting)); !reflect.DeepEqual(got, want) {
					t.Errorf("enforcing %t: %+v, want %+v", enforcing, got, want)
				}
			}
		})
	}
}

// TestBothSidesNumberAlike: the tracer finds the numbers that it is told in the sources that it gets.
func TestBothSidesNumberAlike(t *testing.T) {
	s := read(t, killing("p", fastNodes+dbPods), killing("q", dbPods), killing("r", webPods))
	sources, err := s.SourcesOn(t.Context(), "slow")
	if err != nil {
		t.Fatal(err)
	}
	var there []*policy.Policy
	for _, source := range sources {
		file, err := policy.Parse(source.Name, strings.NewReader(source.Text))
		if err != nil {
			t.Fatal(err)
		}
		there = append(there, file.Policies...)
	}
	numbers, err := policy.NumberSelections(there)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := s.Pod(fullPod("slow", true)).Selections, numbers.OfPolicy(there[1]); got != want || want != 2 {
		t.Errorf("bits %b, want %b", got, want)
	}
}

func TestTooManySelections(t *testing.T) {
	var all []*policy.Policy
	for i := range policy.MaxSelections + 1 {
		s := read(t, killing(fmt.Sprintf("p%d", i), fmt.Sprintf(", podSelector: {matchLabels: {app: web-%d}}", i)))
		all = append(all, s.Policies...)
	}
	if _, err := New(Options{Policies: all[1:]}); err != nil {
		t.Errorf("%d: %v", policy.MaxSelections, err)
	}
	if _, err := New(Options{Policies: all}); err == nil || !strings.Contains(err.Error(), "64 different selections") {
		t.Errorf("one more: %v", err)
	}
}

func TestWhatAPolicyActsOn(t *testing.T) {
	for name, test := range map[string]struct {
		policy     string
		containers []string
		want       string
		all        bool
	}{
		"the whole pod":           {killing("p", ""), nil, "setup main sidecar debug", true},
		"selected":                {killing("p", webPods), nil, "setup main sidecar debug", true},
		"not selected":            {killing("p", dbPods), nil, "", false},
		"observing":               {document(policy.TracingPolicy, "p", "", ""), nil, "", false},
		"a container":             {killing("p", ofContainers("main")), nil, "main", false},
		"an image":                {killing("p", ofNginx), nil, "setup main", false}, // setup has not run: nobody knows its image
		"named":                   {killing("p", ""), []string{"sidecar"}, "sidecar", false},
		"named and selected":      {killing("p", ofContainers("main, debug")), []string{"debug", "sidecar"}, "debug", false},
		"workloads":               {killing("p", "", "{podSelector: {matchLabels: {app: web}}, containerSelector: {matchLabels: {name: main}}}"), nil, "main", false},
		"workloads of other pods": {killing("p", "", "{podSelector: {matchLabels: {app: db}}}"), nil, "", false},
		"workload of the host":    {killing("p", "", "{hostSelector: {}}"), nil, "", false},
		"of host and pod":         {killing("p", "", "{hostSelector: {}, podSelector: {}}"), nil, "setup main sidecar debug", true},
	} {
		t.Run(name, func(t *testing.T) {
			s := read(t, test.policy)
			s, err := New(Options{Policies: s.Policies, Sources: s.Sources, Containers: test.containers, Enforcing: true, NodeLabels: s.NodeLabels})
			if err != nil {
				t.Fatal(err)
			}
			pod := fullPod("slow", true)
			names, all := s.ActsOn(s.Policies[0], pod)
			if strings.Join(names, " ") != test.want || all != test.all {
				t.Errorf("%v, all %t", names, all)
			}
			if got := s.Enforced(pod); got != (test.want != "") {
				t.Errorf("enforced on: %t", got)
			}
		})
	}
}

// TestEventsOfOtherWorkloads: what the kernel could not tell apart yet is not shown when it is known that no selector of the policy
// is about it.
func TestEventsOfOtherWorkloads(t *testing.T) {
	s := read(t, killing("p", "", "{podSelector: {matchLabels: {app: web}}, containerSelector: {matchLabels: {name: main}}}"))
	for name, test := range map[string]struct {
		app       string
		container *event.Container
		want      bool
	}{
		"meant":           {"web", &event.Container{Name: "main"}, true},
		"other container": {"web", &event.Container{Name: "sidecar"}, false},
		"sandbox":         {"web", &event.Container{Name: pods.SandboxName}, false},
		"other pod":       {"db", &event.Container{Name: "main"}, false},
		"not known":       {"web", &event.Container{ID: "1"}, true},
	} {
		process := &event.Process{Pod: &event.Pod{Namespace: "shop", Name: "a", PodLabels: map[string]string{"app": test.app}, Container: test.container}}
		if got := s.Keep(&event.Event{ProcessKprobe: &event.ProcessKprobe{Process: process, Hooked: event.Hooked{PolicyName: "p"}}}); got != test.want {
			t.Errorf("%s: kept %t", name, got)
		}
	}
}
