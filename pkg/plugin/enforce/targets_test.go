// SPDX-License-Identifier: Apache-2.0

package enforce

import (
	"context"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/launch"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/scope"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/target"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// fixedFinder finds these pods, and watches what the test says.
type fixedFinder struct {
	pods    []*corev1.Pod
	changes []target.Change
}

func (f fixedFinder) Resolve(context.Context) (target.Found, error) {
	return target.Found{Pods: slices.Clone(f.pods)}, nil
}

func (f fixedFinder) Watch(_ context.Context, changed func(target.Change), _ func(error)) error {
	for _, c := range f.changes {
		changed(c)
	}
	return nil
}

func (f fixedFinder) String() string { return "the test's pods" }

// webOnly is a policy about one container of pods with a label.
const webOnly = `
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: web-only}
spec:
  podSelector: {matchLabels: {app: web}}
  containerSelector: {matchExpressions: [{key: name, operator: In, values: [main]}]}
  kprobes: [{call: security_file_open, syscall: false, selectors: [{matchActions: [{action: Sigkill}]}]}]
`

func targetsOf(t *testing.T, a *Options, containers []string, f fixedFinder) *Targets {
	t.Helper()
	policies := parsed(t, webOnly, "web-only")
	sources := []wire.PolicySource{{Name: "test.yaml", Text: webOnly}}
	s, err := scope.New(scope.Options{Policies: policies, Sources: sources, Namespace: "shop", Containers: containers, Enforcing: true})
	if err != nil {
		t.Fatal(err)
	}
	return NewTargets(f, s, a, "tracers")
}

func webPod(namespace, name string, change func(*corev1.Pod)) *corev1.Pod {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: types.UID(name), Labels: map[string]string{"app": "web"}},
		Spec:       corev1.PodSpec{NodeName: "n1", Containers: []corev1.Container{{Name: "main"}}},
	}
	if change != nil {
		change(pod)
	}
	return pod
}

func withSidecar(pod *corev1.Pod) {
	pod.Spec.EphemeralContainers = []corev1.EphemeralContainer{{EphemeralContainerCommon: corev1.EphemeralContainerCommon{Name: "debug"}}}
}

func TestWhichPodsAreEnforcedOn(t *testing.T) {
	all := []*corev1.Pod{
		webPod("shop", "plain", nil),
		webPod("shop", "other", func(p *corev1.Pod) { p.Labels["app"] = "db" }),
		webPod("kube-system", "dns", nil),
		webPod("shop", "critical", func(p *corev1.Pod) { p.Spec.PriorityClassName = "system-node-critical" }),
		webPod("tracers", "in-namespace", nil),
		webPod("elsewhere", "tracer", func(p *corev1.Pod) { p.Labels[launch.LabelManagedBy] = launch.ManagedBy }),
	}
	for name, test := range map[string]struct {
		arming     Options
		containers []string
		pods       []*corev1.Pod
		want       string
		without    []string
		wrong      string
	}{
		"usual":         {Options{}, nil, all, "plain", []string{"2 left out: of the tracers' namespace", "2 left out: of kube-system or critical", "1 left out: not selected"}, ""},
		"system too":    {Options{System: true}, nil, all, "plain dns critical", []string{"2 left out: of the tracers' namespace"}, ""},
		"nothing left":  {Options{}, nil, all[1:], "", nil, "nothing to enforce on: of the pods found (the test's pods)"},
		"tracers only":  {Options{System: true}, nil, all[4:], "", nil, "2 left out: of the tracers' namespace"},
		"part of a pod": {Options{}, nil, []*corev1.Pod{webPod("shop", "a", withSidecar), webPod("shop", "b", nil)}, "a b", nil, ""},
		"by container":  {Options{}, []string{"main"}, all[:1], "plain", nil, ""},
		"by another":    {Options{}, []string{"debug"}, []*corev1.Pod{webPod("shop", "a", withSidecar), webPod("shop", "b", nil)}, "", nil, "1 left out: not selected by a policy that enforces; 1 left out: without a container of --container"},
	} {
		t.Run(name, func(t *testing.T) {
			targets := targetsOf(t, &test.arming, test.containers, fixedFinder{pods: test.pods})
			found, err := targets.Resolve(t.Context())
			if (err == nil) != (test.wrong == "") || err != nil && !strings.Contains(err.Error(), test.wrong) {
				t.Fatalf("%v, want %q", err, test.wrong)
			}
			var names []string
			for _, pod := range found.Pods {
				names = append(names, pod.Name)
			}
			if got := strings.Join(names, " "); err == nil && got != test.want {
				t.Errorf("found %s", got)
			}
			for _, want := range test.without {
				if !strings.Contains(targets.LeftOut(), want) {
					t.Errorf("left out: %s, want %q", targets.LeftOut(), want)
				}
			}
		})
	}
}

// A pod that must not be enforced on any more is told to be gone; it may come back.
func TestPodsThatChangeWhileEnforcedOn(t *testing.T) {
	plain, db := webPod("shop", "a", nil), webPod("shop", "a", func(p *corev1.Pod) { p.Labels["app"] = "db" })
	debugged, later, system := webPod("shop", "a", withSidecar), webPod("shop", "b", nil), webPod("kube-system", "c", nil)
	targets := targetsOf(t, &Options{}, nil, fixedFinder{pods: []*corev1.Pod{plain}, changes: []target.Change{
		{Pod: plain}, {Pod: db}, {Pod: db}, {Pod: plain}, {Pod: debugged}, {Pod: debugged}, {Pod: later}, {Pod: system}, {Pod: later, Gone: true}, {Pod: system, Gone: true},
	}})
	if _, err := targets.Resolve(t.Context()); err != nil {
		t.Fatal(err)
	}
	var got []string
	err := targets.Watch(t.Context(), func(c target.Change) {
		sign := "+"
		if c.Gone {
			sign = "-"
		}
		got = append(got, sign+c.Pod.Name)
	}, func(err error) { t.Error(err) })
	if want := "+a -a +a +a +a +b -b"; err != nil || strings.Join(got, " ") != want {
		t.Errorf("%v, %v, want %s", got, err, want)
	}
}
