// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	k8stesting "k8s.io/client-go/testing"
)

// guard has the tracer namespace let in what is given, and the API server know the user as Jane.
func (c *cluster) guard(l *Launcher, a Admission) {
	objects := dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(),
		map[schema.GroupVersionResource]string{admissionResource: admissionKind + "List"}, a.Object("trace-sec"))
	l.clients.current.objects = objects
	c.PrependReactor("create", "selfsubjectreviews", func(k8stesting.Action) (bool, runtime.Object, error) {
		review := &authenticationv1.SelfSubjectReview{}
		review.Status.UserInfo.Username = "Jane"
		return true, review, nil
	})
}

// A tracer namespace with the admission policy gets pods that it lets in.
func TestPodsForTheAdmissionPolicy(t *testing.T) {
	c := newCluster(t, readyNode("n1", func(n *corev1.Node) {
		n.Status.Images = []corev1.ContainerImage{{Names: []string{"example.test/pause:2", "example.test/other:1"}}}
	}))
	l := c.launcher(t, func(c *Config) {
		c.Delivery, c.TargetNamespaces = Delivery{Tracers: carriedTracers()}, []string{"shop"}
	})
	c.guard(l, Admission{Tracers: []string{"digest-amd64"}, Starters: []string{}, Images: []string{}, BaseImages: []string{"example.test/pause:1", "example.test/pause:2"}})
	if refused, carried := l.Look(soon(t), []string{"n1"}); len(refused) > 0 || !carried {
		t.Fatalf("%v, carried: %t", refused, carried)
	}
	pod, _, err := l.Pod(testTracerConfig("n1"))
	if err != nil {
		t.Fatal(err)
	}
	container := pod.Spec.Containers[0]
	if container.Image != "example.test/pause:2" {
		t.Errorf("its image is %s, which is not the listed one that the node has", container.Image)
	}
	if want := "-" + hex.EncodeToString([]byte("Jane")); !strings.HasSuffix(pod.Name, want) {
		t.Errorf("its name is %s, want the end %s", pod.Name, want)
	}
	if container.Args[0] != "--namespaces=shop" || !slices.ContainsFunc(container.VolumeMounts, func(m corev1.VolumeMount) bool { return m.MountPath == podLogs && m.ReadOnly }) {
		t.Errorf("arguments %q, mounts %+v", container.Args[:1], container.VolumeMounts)
	}
}

// A tracer that is not listed is refused before anything is started.
func TestTracerThatIsNotListed(t *testing.T) {
	c := newCluster(t, readyNode("n1"))
	l := c.launcher(t, func(c *Config) { c.Delivery = Delivery{Tracers: carriedTracers(), BaseImage: "example.test/pause:1"} })
	c.guard(l, Admission{Tracers: []string{"another"}, Starters: []string{}, Images: []string{}, BaseImages: []string{}})
	refused, _ := l.Look(soon(t), []string{"n1"})
	if len(refused) != 1 || !strings.Contains(refused[0].Error(), "does not list this plugin's tracer, sha256:digest-amd64") || !strings.Contains(refused[0].Error(), "--admission") {
		t.Errorf("refused: %v", refused)
	}
}

// Of a long name the end counts, and the pod's logs still have a directory: NAMESPACE_NAME_UID in 255 bytes.
func TestCreatorOfLongName(t *testing.T) {
	c := testConfig()
	guarded := &guardedNamespace{creator: "arn:aws:sts::123456789012:assumed-role/" + strings.Repeat("r", 100) + "/jane@example.com"}
	name := tracerPod(c, Program{guarded: guarded}, testTracerConfig("n1")).Name
	if end := hex.EncodeToString([]byte("/jane@example.com")); !strings.HasSuffix(name, end) || len(name) > 200 {
		t.Errorf("the pod is called %s, %d bytes", name, len(name))
	}
	if (&guardedNamespace{creator: "jane"}).creatorSuffix() == (&guardedNamespace{creator: "Jane"}).creatorSuffix() {
		t.Error("two creators are one")
	}
}
