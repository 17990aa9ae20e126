// SPDX-License-Identifier: Apache-2.0

package scope

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pods"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/target"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// document is a policy with a scope, in namespace shop if it is namespaced.
func document(kind policy.Kind, name, namespace, scope string) string {
	metadata := "name: " + name
	if namespace != "" {
		metadata += ", namespace: " + namespace
	}
	return fmt.Sprintf("apiVersion: cilium.io/v1alpha1\nkind: %s\nmetadata: {%s}\nspec: {kprobes: [{call: security_file_open, syscall: false}]%s}\n", kind, metadata, scope)
}

// read makes a scope of one file per document. Node fast has disk=ssd, node slow has not, the others can't be read.
func read(t *testing.T, documents ...string) *Scope {
	t.Helper()
	var all []*policy.Policy
	var sources []wire.PolicySource
	for i, text := range documents {
		source := wire.PolicySource{Name: fmt.Sprintf("%d.yaml", i), Text: text}
		file, err := policy.Parse(source.Name, strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		all, sources = append(all, file.Policies...), append(sources, source)
	}
	s, err := New(Options{Policies: all, Sources: sources, Namespace: "mine", NodeLabels: func(_ context.Context, node string) (map[string]string, error) {
		labels, ok := map[string]map[string]string{"fast": {"disk": "ssd"}, "slow": {"disk": "tape"}}[node]
		if !ok {
			return nil, errors.New("forbidden")
		}
		return labels, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func pod(namespace, name, node, app string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: types.UID(name), Labels: map[string]string{"app": app}},
		Spec:       corev1.PodSpec{NodeName: node},
	}
}

func TestPodsAndEvents(t *testing.T) {
	const plain, namespaced = policy.TracingPolicy, policy.TracingPolicyNamespaced
	web := &event.Container{Name: "web", Image: &event.Image{Name: "registry.test:5000/shop/web:1.2"}}
	for name, test := range map[string]struct {
		policy    string
		pod       *corev1.Pod
		container *event.Container
		// about: the pod is a target, and its exec events are shown; hook: so are the policy's own.
		about, hook bool
	}{
		"everything":                  {document(plain, "p", "", ""), pod("shop", "a", "slow", "web"), web, true, true},
		"label":                       {document(plain, "p", "", ", podSelector: {matchLabels: {app: web}}"), pod("shop", "a", "slow", "web"), web, true, true},
		"other label":                 {document(plain, "p", "", ", podSelector: {matchLabels: {app: web}}"), pod("shop", "a", "slow", "db"), web, false, false},
		"namespace as label":          {document(plain, "p", "", ", podSelector: {matchLabels: {io.kubernetes.pod.namespace: shop}}"), pod("shop", "a", "slow", ""), web, true, true},
		"other namespace as label":    {document(plain, "p", "", ", podSelector: {matchLabels: {io.kubernetes.pod.namespace: shop}}"), pod("shoe", "a", "slow", ""), web, false, false},
		"namespaced":                  {document(namespaced, "p", "shop", ""), pod("shop", "a", "slow", ""), web, true, true},
		"other namespace":             {document(namespaced, "p", "shop", ""), pod("mine", "a", "slow", ""), web, false, false},
		"the command's namespace":     {document(namespaced, "p", "", ""), pod("mine", "a", "slow", ""), web, true, true},
		"not the command's namespace": {document(namespaced, "p", "", ""), pod("shop", "a", "slow", ""), web, false, false},
		"node":                        {document(plain, "p", "", ", nodeSelector: {matchLabels: {disk: ssd}}"), pod("shop", "a", "fast", ""), web, true, true},
		"other node":                  {document(plain, "p", "", ", nodeSelector: {matchLabels: {disk: ssd}}"), pod("shop", "a", "slow", ""), web, false, false},
		"container":                   {document(plain, "p", "", ", containerSelector: {matchLabels: {name: web}}"), pod("shop", "a", "slow", ""), web, true, true},
		"other container":             {document(plain, "p", "", ", containerSelector: {matchLabels: {name: db}}"), pod("shop", "a", "slow", ""), web, true, false},
		"image":                       {document(plain, "p", "", ", containerSelector: {matchLabels: {repo: 'registry.test:5000/shop/web'}}"), pod("shop", "a", "slow", ""), web, true, true},
		"other image":                 {document(plain, "p", "", ", containerSelector: {matchLabels: {repo: 'registry.test:5000/shop'}}"), pod("shop", "a", "slow", ""), web, true, false},
		"sandbox":                     {document(plain, "p", "", ", containerSelector: {matchExpressions: [{key: name, operator: NotIn, values: [web]}]}"), pod("shop", "a", "slow", ""), &event.Container{Name: pods.SandboxName}, true, false},
		"container without a name":    {document(plain, "p", "", ", containerSelector: {matchLabels: {name: db}}"), pod("shop", "a", "slow", ""), &event.Container{ID: "x"}, true, true},
		"no container":                {document(plain, "p", "", ", containerSelector: {matchLabels: {name: db}}"), pod("shop", "a", "slow", ""), nil, true, true},
		"event of another policy":     {document(plain, "q", "", ""), pod("shop", "a", "slow", ""), web, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := read(t, test.policy)
			found, err := s.Targets(&fakeFinder{pods: []*corev1.Pod{test.pod}}).Resolve(t.Context())
			if (len(found.Pods) == 1) != test.about || (err == nil) != test.about {
				t.Errorf("%d targets, %v", len(found.Pods), err)
			}
			process := &event.Process{Pod: &event.Pod{Namespace: test.pod.Namespace, Name: test.pod.Name, PodLabels: test.pod.Labels, Container: test.container}}
			for _, e := range []struct {
				event *event.Event
				want  bool
			}{
				{&event.Event{NodeName: test.pod.Spec.NodeName, ProcessExec: &event.ProcessExec{Process: process}}, test.about},
				{&event.Event{NodeName: test.pod.Spec.NodeName, ProcessLoader: &event.ProcessLoader{Process: process}}, test.about},
				{&event.Event{NodeName: test.pod.Spec.NodeName, ProcessKprobe: &event.ProcessKprobe{Process: process, Hooked: event.Hooked{PolicyName: "p"}}}, test.hook},
			} {
				if got := s.Keep(e.event); got != e.want {
					t.Errorf("%s is kept: %t", e.event.Kind(), got)
				}
			}
		})
	}
}

// What is not known hides nothing, and what is about no process is not touched.
func TestKeepUnknown(t *testing.T) {
	s := read(t, document(policy.TracingPolicy, "p", "", ", podSelector: {matchLabels: {app: web}}"))
	for name, e := range map[string]*event.Event{
		"notice":        {Notice: &event.Notice{}},
		"no process":    {ProcessExec: &event.ProcessExec{}},
		"no pod":        {ProcessExec: &event.ProcessExec{Process: &event.Process{}}},
		"pod of an UID": {ProcessExec: &event.ProcessExec{Process: &event.Process{Pod: &event.Pod{UID: "u"}}}},
	} {
		if !s.Keep(e) {
			t.Errorf("%s is dropped", name)
		}
	}
}

func TestSources(t *testing.T) {
	s := read(t,
		document(policy.TracingPolicy, "a", "", ""),
		document(policy.TracingPolicy, "b", "", ", nodeSelector: {matchLabels: {disk: ssd}}"),
		document(policy.TracingPolicy, "c", "", ", nodeSelector: {matchLabels: {disk: ssd}}")+"---\n"+document(policy.TracingPolicy, "d", "", ", nodeSelector: {matchLabels: {disk: tape}}"),
	)
	for node, want := range map[string]string{"fast": "0.yaml 1.yaml 2.yaml", "slow": "0.yaml 2.yaml"} {
		sources, err := s.SourcesOn(t.Context(), node)
		var got []string
		for _, source := range sources {
			got = append(got, source.Name)
		}
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%s gets %v, %v; want %s", node, got, err, want)
		}
	}
	if _, err := s.SourcesOn(t.Context(), "unreadable"); err == nil || !strings.Contains(err.Error(), "nodeSelector") {
		t.Errorf("a node whose labels can't be read: %v", err)
	}
	everywhere := read(t, document(policy.TracingPolicy, "a", "", ""))
	if sources, err := everywhere.SourcesOn(t.Context(), "unreadable"); err != nil || len(sources) != 1 {
		t.Errorf("labels are read that nobody asks for: %v", err)
	}
}

// fakeFinder finds pods, and tells of changes.
type fakeFinder struct {
	pods, waiting []*corev1.Pod
	changes       []target.Change
}

func (f *fakeFinder) Resolve(context.Context) (target.Found, error) {
	return target.Found{Pods: slices.Clone(f.pods), Waiting: slices.Clone(f.waiting)}, nil
}

func (f *fakeFinder) Watch(_ context.Context, changed func(target.Change), _ func(error)) error {
	for _, c := range f.changes {
		changed(c)
	}
	return nil
}

func (f *fakeFinder) String() string { return "pods of the test" }

func TestNobodyIsSelected(t *testing.T) {
	s := read(t, document(policy.TracingPolicy, "p", "", ", podSelector: {matchLabels: {app: web}}"))
	_, err := s.Targets(&fakeFinder{pods: []*corev1.Pod{pod("shop", "a", "slow", "db"), pod("shop", "b", "slow", "")}}).Resolve(t.Context())
	want := "no policy is about any of the 2 pods found (pods of the test):\npolicy p is about pods app=web"
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestUnreadableNode(t *testing.T) {
	s := read(t, document(policy.TracingPolicy, "p", "", ", nodeSelector: {matchLabels: {disk: ssd}}"))
	if _, err := s.Targets(&fakeFinder{pods: []*corev1.Pod{pod("shop", "a", "?", "")}}).Resolve(t.Context()); err == nil {
		t.Error("no error")
	}
	var troubles []string
	finder := &fakeFinder{changes: []target.Change{{Pod: pod("shop", "late", "?", "")}}}
	err := s.Targets(finder).Watch(t.Context(), func(target.Change) { t.Error("a target") }, func(err error) { troubles = append(troubles, err.Error()) })
	if err != nil || len(troubles) != 1 || !strings.HasPrefix(troubles[0], "pod shop/late is not traced: ") {
		t.Errorf("%v, %q", err, troubles)
	}
}

// A node whose labels can't be read for a while loses none of its pods: they are asked for again.
func TestNodeThatIsReadLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := read(t, document(policy.TracingPolicy, "p", "", ", nodeSelector: {matchLabels: {disk: ssd}}"))
		var fails atomic.Bool
		var asked atomic.Int32
		fails.Store(true)
		s.NodeLabels = func(context.Context, string) (map[string]string, error) {
			if asked.Add(1); fails.Load() {
				return nil, errors.New("no answer")
			}
			return map[string]string{"disk": "ssd"}, nil
		}
		finder := &watchedFinder{changes: make(chan target.Change)}
		ctx, cancel := context.WithCancel(t.Context())
		var got, troubles []string
		done := make(chan error, 1)
		go func() {
			done <- s.Targets(finder).Watch(ctx, func(c target.Change) { got = append(got, c.Pod.Name) }, func(err error) { troubles = append(troubles, err.Error()) })
		}()
		finder.changes <- target.Change{Pod: pod("shop", "late", "n", "")}
		finder.changes <- target.Change{Pod: pod("shop", "short", "n", "")}
		finder.changes <- target.Change{Pod: pod("shop", "short", "n", ""), Gone: true}
		time.Sleep(4 * time.Second) // of the bubble's clock: asked again after 1 and 2 more seconds
		synctest.Wait()
		if len(got) > 0 || len(troubles) != 2 || asked.Load() != 4 {
			t.Errorf("%q, %q, asked %d times", got, troubles, asked.Load())
		}
		fails.Store(false)
		time.Sleep(longestPause)
		synctest.Wait()
		if !slices.Equal(got, []string{"late"}) || len(troubles) != 2 {
			t.Errorf("%q, %q; want late", got, troubles)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// watchedFinder tells of changes as they come.
type watchedFinder struct {
	fakeFinder
	changes chan target.Change
}

func (f *watchedFinder) Watch(ctx context.Context, changed func(target.Change), _ func(error)) error {
	for {
		select {
		case c := <-f.changes:
			changed(c)
		case <-ctx.Done():
			return nil
		}
	}
}

// Pods come and go; one that stops matching stays a target until it is gone, and its events are dropped meanwhile.
func TestWatch(t *testing.T) {
	s := read(t, document(policy.TracingPolicy, "p", "", ", podSelector: {matchLabels: {app: web}}"))
	first, other := pod("shop", "first", "slow", "web"), pod("shop", "other", "slow", "db")
	relabelled := pod("shop", "first", "slow", "old")
	finder := &fakeFinder{pods: []*corev1.Pod{first}, changes: []target.Change{
		{Pod: first}, {Pod: other}, {Pod: other, Gone: true}, {Pod: relabelled}, {Pod: pod("shop", "second", "slow", "web")},
		{Pod: relabelled, Gone: true}, {Pod: relabelled, Gone: true},
	}}
	targets := s.Targets(finder)
	if _, err := targets.Resolve(t.Context()); err != nil {
		t.Fatal(err)
	}
	var got []string
	err := targets.Watch(t.Context(), func(c target.Change) {
		got = append(got, fmt.Sprintf("%s %s %t", c.Pod.Name, c.Pod.Labels["app"], c.Gone))
	}, nil)
	want := []string{"first web false", "first old false", "second web false", "first old true"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
}

func TestRepository(t *testing.T) {
	for image, want := range map[string]string{
		"docker.io/library/nginx:1.2":          "docker.io/library/nginx",
		"registry.test:5000/web":               "registry.test:5000/web",
		"registry.test:5000/web:1@sha256:0123": "registry.test:5000/web",
		"":                                     "",
	} {
		if got := repository(image); got != want {
			t.Errorf("%s: %s, want %s", image, got, want)
		}
	}
}
