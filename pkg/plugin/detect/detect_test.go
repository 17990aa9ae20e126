// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
)

// rules are those of testdata.
func rules(t *testing.T) *Rules {
	t.Helper()
	r, err := Load(t.Context(), Options{Files: []string{"testdata/falco.yaml"}, Sigma: []string{"testdata/sigma"}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// execOf is the start of a program in a pod.
func execOf(binary, arguments string) *pipeline.Item {
	p := &event.Process{Binary: binary, Arguments: arguments, ExecID: "id", Pod: &event.Pod{Namespace: "shop", Name: "web", Container: &event.Container{ID: "containerd://1234567890abcdef", Name: "c"}}}
	return pipeline.NewItem(&event.Event{ProcessExec: &event.ProcessExec{Process: p}, NodeName: "n1", Time: &event.Timestamp{Time: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)}})
}

func TestDetections(t *testing.T) {
	stage := rules(t).Stage(nil, false)
	for _, test := range []struct {
		binary, arguments string
		want              []string // language, rule, severity, techniques
	}{
		{"/bin/ls", "", nil},
		{"/bin/cp", "a b", []string{"falco A copier runs medium T1005"}},
		{"/bin/dd", "if=/etc/x of=y", []string{"falco A copier runs medium T1005", "sigma A Copier By Sigma high T1005"}},
		{"/bin/ddd", "if=/etc/x", nil},
	} {
		it := execOf(test.binary, test.arguments)
		shown := stage.Pass(it)
		var got []string
		for _, d := range it.Event.Detections {
			got = append(got, fmt.Sprintf("%s %s %s %s", d.Language, d.Rule, d.Severity, strings.Join(d.Techniques, " ")))
		}
		if !slices.Equal(got, test.want) || shown != (len(test.want) > 0) {
			t.Errorf("%s %s: %q, shown: %t", test.binary, test.arguments, got, shown)
		}
	}
	var fired []string
	for _, f := range stage.Fired() {
		fired = append(fired, fmt.Sprintf("%s %d", f.Name, f.Times))
	}
	if want := []string{"A Copier By Sigma 1", "A copier runs 2"}; !slices.Equal(fired, want) {
		t.Errorf("fired %q, want %q", fired, want)
	}
}

// What a receiver of Falco's alerts gets, whatever the rule's language is; the author of a Sigma rule is named.
func TestLinesOfFalco(t *testing.T) {
	it := execOf("/bin/dd", "if=/etc/x")
	rules(t).Stage(nil, false).Pass(it)
	if len(it.Event.Detections) != 2 {
		t.Fatalf("%+v", it.Event.Detections)
	}
	for i, want := range [][]string{
		{"Warning copied by dd (args=if=/etc/x)", "k8s_pod_name=web", `"rule":"A copier runs"`, `"priority":"Warning"`},
		{"Error A Copier By Sigma (by Somebody Who Is Named) | process=/bin/dd arguments=if=/etc/x k8s_ns_name=shop k8s_pod_name=web",
			`"rule":"A Copier By Sigma"`, `"k8s.pod.name":"web"`, `"priority":"Error"`, `"time":"2026-01-02T03:04:05.000000006Z"`},
	} {
		for _, part := range want {
			if text := it.Event.Detections[i].Text + string(it.Event.Detections[i].Line); !strings.Contains(text, part) {
				t.Errorf("%s lacks %s", text, part)
			}
		}
	}
}

// What is known of a rule before anything happens.
func TestStates(t *testing.T) {
	r := rules(t)
	states := map[string]State{}
	for _, rule := range r.All {
		states[rule.Name] = rule.State
		if rule.State != Armed && rule.State != Disabled && len(rule.Reasons) == 0 {
			t.Errorf("nothing says why %s is %s", rule.Name, rule.State)
		}
	}
	for name, want := range map[string]State{
		"A copier runs": Degraded, "A secret is opened": Degraded, "Nobody has this": Unsupported, "Off": Disabled, "A Copier By Sigma": Armed,
	} {
		if states[name] != want {
			t.Errorf("%s is %s, want %s", name, states[name], want)
		}
	}
	if len(r.Problems) != 1 || !strings.Contains(r.Problems[0], "windows.yml") {
		t.Errorf("problems: %q", r.Problems)
	}
}

func TestMistakesInFiles(t *testing.T) {
	both := []string{"testdata/falco.yaml", "testdata/broken.yaml"}
	r, err := Load(t.Context(), Options{Files: both})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Problems) != 1 || !strings.Contains(r.Problems[0], "broken.yaml:3") || !strings.Contains(r.Problems[0], "proc.name") {
		t.Errorf("problems: %q", r.Problems)
	}
	if _, err := Load(t.Context(), Options{Files: both, Strict: true}); err == nil || !strings.Contains(err.Error(), "broken.yaml:3") {
		t.Errorf("error %v", err)
	}
	for _, o := range []Options{{Files: []string{"testdata/none.yaml"}}, {Sigma: []string{"testdata/none"}}} {
		if _, err := Load(t.Context(), o); err == nil || !strings.Contains(err.Error(), "none") {
			t.Errorf("error %v", err)
		}
	}
}

// Several nodes' goroutines evaluate at the same time.
func TestStageIsShared(t *testing.T) {
	stage := rules(t).Stage(nil, false)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				if it := execOf("/bin/cp", "x"); !stage.Pass(it) || len(it.Event.Detections) != 1 {
					t.Error("not found")
				}
				if it := execOf("/bin/ls", "x"); stage.Pass(it) {
					t.Error("found")
				}
			}
		})
	}
	wg.Wait()
	if fired := stage.Fired(); len(fired) != 1 || fired[0].Times != 1600 {
		t.Errorf("%+v", fired)
	}
}
