// SPDX-License-Identifier: Apache-2.0

package trace

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/build"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/launch"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/policyset"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/scope"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/golden"
)

func TestTracerPods(t *testing.T) {
	o := &Options{Environment: Environment{Build: build.Info{Version: "v0.0.1", Image: "localhost/trace-sec-tracer@sha256:0000"}}}
	o.tracer = tracerOptions{namespace: "trace-sec", image: o.Build.Image, way: string(launch.Image), pullPolicy: string(corev1.PullIfNotPresent), pullSecrets: []string{"registry"}}
	o.session.duration = 4 * time.Minute
	// The policy is for nodes with a label, which n2 has.
	text := "apiVersion: cilium.io/v1alpha1\nkind: TracingPolicy\nmetadata: {name: p}\nspec:\n  nodeSelector: {matchLabels: {only: here}}\n" +
		"  tracepoints: [{subsystem: sched, event: sched_switch}]\n"
	file, err := policy.Parse("p.yaml", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	p := &Plan{
		options: o, session: "0123456789ab", work: Work{Process: wire.ProcessDetail{Credentials: true}},
		policies: policyset.Set{Policies: file.Policies, Sources: []wire.PolicySource{{Name: "p.yaml", Text: text}}},
	}
	var on onCluster
	if on.launch, err = p.launchConfig(); err != nil {
		t.Fatal(err)
	}
	on.launch.Expires = time.Date(2024, 5, 7, 12, 0, 0, 0, time.UTC)
	on.policies, err = scope.New(scope.Options{
		Policies: p.policies.Policies, Sources: p.policies.Sources,
		NodeLabels: func(_ context.Context, node string) (map[string]string, error) {
			return map[string]map[string]string{"n2": {"only": "here"}}[node], nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	var targets []*corev1.Pod
	for _, p := range []struct{ uid, node string }{{"uid-1", "n2"}, {"uid-2", "n1"}, {"uid-3", "n2"}} {
		targets = append(targets, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{UID: types.UID(p.uid)}, Spec: corev1.PodSpec{NodeName: p.node}})
	}
	var out bytes.Buffer
	printer := printers.YAMLPrinter{}
	pods, err := p.tracerPods(t.Context(), p.dryLauncher(on, targets), on, targets)
	if err != nil {
		t.Fatal(err)
	}
	for _, pod := range pods {
		if err := printer.PrintObj(pod, &out); err != nil {
			t.Fatal(err)
		}
	}
	golden.Check(t, filepath.Join("testdata", "dry-run.yaml"), out.Bytes())
}
