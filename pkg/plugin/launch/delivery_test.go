// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"errors"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	k8stesting "k8s.io/client-go/testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/carry"
)

// carriedTracers are too small to be programs.
func carriedTracers() carry.Set {
	set := carry.Set{}
	for _, architecture := range []string{"amd64", "arm64"} {
		set[architecture] = carry.Tracer{Architecture: architecture, Payload: []byte("tracer of " + architecture), Digest: "digest-" + architecture, Size: 100}
	}
	return set
}

func withImages(architecture string, names ...string) func(*corev1.Node) {
	return func(n *corev1.Node) {
		n.Status.NodeInfo.Architecture = architecture
		n.Status.Images = []corev1.ContainerImage{{Names: names}}
	}
}

func TestHowANodeGetsTheTracer(t *testing.T) {
	const own = "example.test/tracer@sha256:0123" // of testConfig
	targets := func(images ...string) func(*Config) {
		return func(c *Config) { c.Delivery.Targets = func(string) []string { return images } }
	}
	carried := func(c *Config) { c.Delivery.Tracers = carriedTracers() }
	none := func(*Config) {}
	for _, test := range []struct {
		name string
		node func(*corev1.Node)
		with []func(*Config)
		// want is the image, the pull policy and what is executed; or a part of why there is none.
		want string
	}{
		{"nothing carried", withImages("amd64"), []func(*Config){targets("web:1")}, own + " IfNotPresent /trace-sec-tracer"},
		{"a target's image", withImages("amd64"), []func(*Config){carried, targets("web:1", "web:2")}, "web:1 Never digest-amd64"},
		{"another architecture", withImages("arm64"), []func(*Config){carried, targets("web:1")}, "web:1 Never digest-arm64"},
		{"an unknown architecture", withImages("riscv64"), []func(*Config){carried, targets("web:1")}, "no tracer for its architecture, riscv64, but for amd64, arm64"},
		{"the image is there", withImages("amd64", "x", own), []func(*Config){carried, targets("web:1")}, own + " IfNotPresent /trace-sec-tracer"},
		{"carried all the same", withImages("amd64", own), []func(*Config){carried, targets("web:1"), func(c *Config) { c.Delivery.Way = Carried }}, "web:1 Never digest-amd64"},
		{"an image was named", withImages("amd64"), []func(*Config){carried, targets("web:1"), func(c *Config) { c.Delivery.ImageNamed = true }}, own + " IfNotPresent /trace-sec-tracer"},
		{"by image", withImages("amd64"), []func(*Config){carried, targets("web:1"), func(c *Config) { c.Delivery.Way = Image }}, own + " IfNotPresent /trace-sec-tracer"},
		{"pause", withImages("amd64", "a/paused:1", "registry.test/pause:3.10", "b"), []func(*Config){carried}, "registry.test/pause:3.10 Never digest-amd64"},
		{"a named base", withImages("amd64", "pause"), []func(*Config){carried, targets("web:1"), func(c *Config) { c.Delivery.BaseImage = "base:1" }}, "base:1 Never digest-amd64"},
		{"no base", withImages("amd64", "web"), []func(*Config){carried}, "no image is known"},
		{"node that cannot be read", nil, []func(*Config){carried, targets("web:1")}, "web:1 Never digest-amd64"},
		{"nothing to carry", withImages("amd64"), []func(*Config){none, targets("web:1"), func(c *Config) { c.Delivery.Way = Carried }}, "make build"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newCluster(t)
			if test.node != nil {
				c = newCluster(t, readyNode("n1", test.node))
			} else {
				c.PrependReactor("get", "nodes", func(k8stesting.Action) (bool, runtime.Object, error) { return true, nil, forbidden("nodes") })
			}
			l := c.launcher(t, test.with...)
			refused, _ := l.Look(soon(t), []string{"n1"})
			if len(refused) > 0 {
				if !strings.Contains(refused[0].Error(), test.want) || !strings.Contains(refused[0].Error(), "node n1") {
					t.Errorf("refused: %v", refused[0])
				}
				return
			}
			pod, _, err := l.Pod(testTracerConfig("n1"))
			if err != nil {
				t.Fatal(err)
			}
			container := pod.Spec.Containers[0]
			what := container.Command[0]
			if len(container.Command) > 1 {
				what = container.Command[1]
			}
			if got := container.Image + " " + string(container.ImagePullPolicy) + " " + what; got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// What cannot be used is not tried again; and when nothing is left, it says what was tried.
func TestBasesAreTriedOneByOne(t *testing.T) {
	c := newCluster(t, readyNode("n1", withImages("amd64", "pause:1")))
	l := c.launcher(t, func(c *Config) {
		c.Delivery = Delivery{Tracers: carriedTracers(), Targets: func(string) []string { return []string{"private:1"} }}
	})
	if refused, _ := l.Look(soon(t), []string{"n1"}); len(refused) > 0 {
		t.Fatal(refused[0])
	}
	var tried []string
	for {
		program, problem := l.program("n1")
		if problem != nil {
			if problem.Reason != ImagePull || !strings.Contains(problem.Message, "private:1, pause:1") {
				t.Errorf("%v: %v", problem.Reason, problem)
			}
			break
		}
		tried = append(tried, program.image)
		failure := &NodeError{Node: "n1", Reason: ImagePull}
		l.learn("n1", program, failure)
		if want := map[string]Reason{"private:1": BaseImage, "pause:1": ImagePull}[program.image]; failure.Reason != want {
			t.Errorf("%s: %s, want %s", program.image, failure.Reason, want)
		}
	}
	if !slices.Equal(tried, []string{"private:1", "pause:1"}) {
		t.Errorf("tried %q", tried)
	}
}

func TestArchitectureThatWasNotKnown(t *testing.T) {
	l := newCluster(t).launcher(t, func(c *Config) {
		c.Delivery = Delivery{Tracers: carriedTracers(), BaseImage: "base"}
	})
	program, _ := l.program("n1")
	failure := &NodeError{Reason: ContainerFailed, Message: "exec /trace-sec-0123456789ab/starter-amd64: exec format error"}
	l.learn("n1", program, failure)
	if program, _ = l.program("n1"); failure.Reason != Architecture || program.carried.Architecture != "arm64" {
		t.Errorf("%s, then for %s", failure.Reason, program.carried.Architecture)
	}
}

func TestPreflightOfCarriedTracers(t *testing.T) {
	nodes := func() []runtime.Object {
		return []runtime.Object{readyNode("n1", withImages("amd64", "pause")), readyNode("n2", withImages("arm64", "pause")), readyNode("n3", withImages("amd64", testConfig().Image))}
	}
	preflight := func(t *testing.T, c *cluster, most int) (string, error) {
		t.Helper()
		var notices []string
		config := testConfig()
		config.Delivery = Delivery{Tracers: carriedTracers(), MostNodes: most}
		l := New(c, nil, config, WithNotice(func(text string) { notices = append(notices, text) }))
		t.Cleanup(l.stop)
		refused, err := l.Preflight(soon(t), []string{"n1", "n2", "n3"}, nil)
		if len(refused) > 0 {
			t.Errorf("refused: %v", refused[0])
		}
		return strings.Join(notices, "\n"), err
	}
	t.Run("says what is sent", func(t *testing.T) {
		c := newCluster(t, nodes()...)
		notices, err := preflight(t, c, 2)
		if err != nil || !strings.Contains(notices, "sent to 2 nodes") {
			t.Errorf("%v, %q", err, notices)
		}
		made, err := c.CoreV1().ConfigMaps("trace-sec").List(t.Context(), metav1.ListOptions{})
		if err != nil || len(made.Items) != 1 || made.Items[0].Immutable == nil || !*made.Items[0].Immutable {
			t.Errorf("starters: %+v, %v", made, err)
		}
	})
	t.Run("too many nodes", func(t *testing.T) {
		c := newCluster(t, nodes()...)
		if _, err := preflight(t, c, 1); err == nil || !strings.Contains(err.Error(), "--carried-nodes=2") || !strings.Contains(err.Error(), "--image") {
			t.Errorf("error %v", err)
		}
		for _, a := range c.Actions() {
			if a.GetVerb() == "create" && a.GetResource().Resource != "selfsubjectaccessreviews" {
				t.Errorf("%s %s", a.GetVerb(), a.GetResource().Resource)
			}
		}
	})
	t.Run("without the right to see the starter", func(t *testing.T) {
		c := newCluster(t, nodes()...)
		c.denied["get configmaps"] = true
		if _, err := preflight(t, c, 0); err == nil || !strings.Contains(err.Error(), "get configmaps in namespace trace-sec (to bring the tracer to nodes") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("without the right to make the starter", func(t *testing.T) {
		c := newCluster(t, nodes()...)
		c.PrependReactor("create", "configmaps", func(k8stesting.Action) (bool, runtime.Object, error) {
			return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "configmaps"}, "x", errors.New("no"))
		})
		if _, err := preflight(t, c, 0); err == nil || !strings.Contains(err.Error(), "--tracer=image needs none") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("another's starter of this name", func(t *testing.T) {
		other := StarterConfigMap(testConfig())
		other.BinaryData = map[string][]byte{"starter-amd64": []byte("evil")}
		if _, err := preflight(t, newCluster(t, append(nodes(), other)...), 0); err == nil || !strings.Contains(err.Error(), "is not the starter of this plugin") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("images are pulled anew", func(t *testing.T) {
		c := newCluster(t, nodes()...)
		c.PrependReactor("create", "pods", func(a k8stesting.Action) (bool, runtime.Object, error) {
			pod := a.(k8stesting.CreateAction).GetObject().(*corev1.Pod).DeepCopy()
			pod.Spec.Containers[0].ImagePullPolicy = corev1.PullAlways
			return true, pod, nil
		})
		if notices, err := preflight(t, c, 0); err != nil || !strings.Contains(notices, "AlwaysPullImages") {
			t.Errorf("%v, %q", err, notices)
		}
	})
}

// The starter goes with the last pod, unless an administrator made it.
func TestStarterIsRemoved(t *testing.T) {
	for name, test := range map[string]struct {
		annotated, pod bool
		left           int
	}{"a session's": {true, false, 0}, "an administrator's": {false, false, 1}, "in use": {true, true, 1}} {
		starter := StarterConfigMap(testConfig())
		if !test.annotated {
			delete(starter.Annotations, AnnotationMadeBy)
		}
		objects := []runtime.Object{starter}
		if test.pod {
			pod := imagePod(testConfig(), testTracerConfig("n1"))
			pod.Labels[LabelSession] = "another"
			delete(pod.Annotations, AnnotationExpires)
			pod.Status = running()
			objects = append(objects, pod)
		}
		c := newCluster(t, objects...)
		if err := c.launcher(t).Cleanup(soon(t)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		left, err := c.CoreV1().ConfigMaps("trace-sec").List(t.Context(), metav1.ListOptions{})
		if err != nil || len(left.Items) != test.left {
			t.Errorf("%s: %d left, %v", name, len(left.Items), err)
		}
	}
	c := newCluster(t, StarterConfigMap(testConfig()))
	c.PrependReactor("delete", "configmaps", func(k8stesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "configmaps"}, "x", errors.New("no"))
	})
	if err := c.launcher(t).Cleanup(soon(t)); err == nil || !strings.Contains(err.Error(), "delete configmap trace-sec-starter-") {
		t.Errorf("error %v", err)
	}
}
