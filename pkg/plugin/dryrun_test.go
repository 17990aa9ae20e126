// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/launch"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestTracerPods(t *testing.T) {
	c := launch.Config{
		Namespace: "trace-sec", Image: built.Image, PullPolicy: corev1.PullIfNotPresent, PullSecrets: []string{"registry"},
		Session: "0123456789ab", Deadline: 5 * time.Minute, Version: built.Version,
		Expires: time.Date(2024, 5, 7, 12, 0, 0, 0, time.UTC),
	}
	var targets []*corev1.Pod
	for _, p := range []struct{ uid, node string }{{"uid-1", "n2"}, {"uid-2", "n1"}, {"uid-3", "n2"}} {
		targets = append(targets, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{UID: types.UID(p.uid)}, Spec: corev1.PodSpec{NodeName: p.node}})
	}
	var out bytes.Buffer
	printer := printers.YAMLPrinter{}
	c.Hooks = []*policy.Hook{{Kind: policy.Tracepoint}}
	pods, err := tracerPods(c, wire.Orders{Process: wire.ProcessDetail{Credentials: true}}, targets, func(node string) ([]wire.PolicySource, error) {
		return map[string][]wire.PolicySource{"n2": {{Name: "p.yaml", Text: "only for n2"}}}[node], nil
	}, func(pod *corev1.Pod) wire.Pod { return wire.Pod{UID: string(pod.UID), Selections: 1} })
	if err != nil {
		t.Fatal(err)
	}
	for _, pod := range pods {
		if err := printer.PrintObj(pod, &out); err != nil {
			t.Fatal(err)
		}
	}
	golden := filepath.Join("testdata", "dry-run.yaml")
	if *update {
		if err := os.WriteFile(golden, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.Bytes(), want) {
		t.Errorf("differs from %s (-update rewrites it):\n%s", golden, out.Bytes())
	}
}
