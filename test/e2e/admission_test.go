// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// The users of the admission tests. Each has the rights of the roles in manifests/ and no others.
const (
	// observer may observe, and exec in the pods of the scene's namespace.
	observer = "Ada@example.com"
	// enforcer may enforce too, and trace the pods of the scene's namespace without the right to exec there.
	enforcer = "bob"
	// stranger may observe, and trace the pods of no namespace.
	stranger = "eve"
	// everywhere may observe, and trace pods of all namespaces.
	everywhere = "nora"
	// editor has all rights in the tracer namespace, and none elsewhere.
	editor = "tom"
)

// baseImage is the only one that pods of carried tracers may be made from.
const baseImage = "localhost/pause:1"

// guarded is a scene whose tracer namespace has the admission policy of manifests/.
type guarded struct {
	*scene
	config  *rest.Config
	objects dynamic.Interface
}

// newGuarded does what docs/admission.md tells an administrator to do.
func newGuarded(t *testing.T) *guarded {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	g := &guarded{scene: newScene(t), config: config}
	if g.objects, err = dynamic.NewForConfig(config); err != nil {
		t.Fatal(err)
	}
	g.tracerNamespace(map[string]string{"pod-security.kubernetes.io/enforce": "privileged", "trace-sec/admission": "required"})
	g.apply(g.manifest("admission.yaml"))
	g.apply(g.manifest("rbac.yaml"))
	for _, user := range []string{observer, enforcer, stranger, everywhere} {
		g.bind(g.tracers, "Role", "trace-sec-observe", user)
		g.bind("", "ClusterRole", "trace-sec-target-reader", user) // also nodes, whose kernels decide on capabilities
	}
	g.bind(g.tracers, "Role", "trace-sec-enforce", enforcer)
	g.bind(g.tracers, "ClusterRole", "cluster-admin", editor)
	g.bind(g.namespace, "ClusterRole", "trace-sec-target", enforcer)
	g.bind("", "ClusterRole", "trace-sec-target", everywhere)
	g.bind(g.namespace, "Role", "may-exec", observer)
	g.apply("{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: may-exec, namespace: " + g.namespace + "},\n" +
		"rules: [{apiGroups: [\"\"], resources: [pods/exec], verbs: [create]}]}")
	printed := g.run("tracers", "--admission", "--base-image="+baseImage)
	if printed.code != 0 {
		t.Fatal(printed.stderr)
	}
	g.apply(printed.stdout)
	g.inForce()
	return g
}

// bind gives a user a role in a namespace; without, in all of them.
func (g *guarded) bind(namespace, kind, role, user string) {
	g.Helper()
	binding := "RoleBinding"
	if namespace == "" {
		binding = "ClusterRoleBinding"
	}
	name := g.namespace + "-" + role + "-" + strings.ToLower(user[:3])
	g.apply("{apiVersion: rbac.authorization.k8s.io/v1, kind: " + binding + ", metadata: {name: " + name + ", namespace: \"" + namespace + "\"},\n" +
		"roleRef: {apiGroup: rbac.authorization.k8s.io, kind: " + kind + ", name: " + role + "},\n" +
		"subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: " + user + "}]}")
}

// manifest is the text of one, for the scene's tracer namespace.
func (g *guarded) manifest(name string) string {
	g.Helper()
	text, err := os.ReadFile("../../manifests/" + name)
	if err != nil {
		g.Fatal(err)
	}
	return strings.ReplaceAll(string(text), "\n  namespace: trace-sec\n", "\n  namespace: "+g.tracers+"\n")
}

// apply makes what is in a text, which the end of the test removes unless its namespace does.
func (g *guarded) apply(text string) {
	g.Helper()
	for documents := utilyaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096); ; {
		var o unstructured.Unstructured
		if err := documents.Decode(&o); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			g.Fatal(err)
		}
		plural, _ := meta.UnsafeGuessKindToResource(o.GroupVersionKind())
		resource := g.objects.Resource(plural)
		var in dynamic.ResourceInterface = resource
		if o.GetNamespace() != "" {
			in = resource.Namespace(o.GetNamespace())
		}
		g.eventually(o.GetKind()+" "+o.GetName(), func(ctx context.Context) bool {
			_, err := in.Create(ctx, &o, metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict})
			if err != nil && !apierrors.IsNotFound(err) { // its kind is just being made
				g.Fatal(err)
			}
			return err == nil
		})
		if o.GetNamespace() == "" {
			g.Cleanup(func() {
				if err := resource.Delete(context.Background(), o.GetName(), metav1.DeleteOptions{}); err != nil {
					g.Errorf("remove %s %s: %v", o.GetKind(), o.GetName(), err)
				}
			})
		}
	}
}

// inForce waits until the API server has read the policies and their parameters.
func (g *guarded) inForce() {
	g.Helper()
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "any"}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "any", Image: "any"}}}}
	g.eventually("the policy of tracer pods", func(ctx context.Context) bool {
		_, err := client.CoreV1().Pods(g.tracers).Create(ctx, pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		return err != nil && strings.Contains(err.Error(), "'trace-sec-tracers'") && !strings.Contains(err.Error(), "no params found")
	})
	g.eventually("the policy of ConfigMaps", func(ctx context.Context) bool {
		_, err := g.as(editor).CoreV1().ConfigMaps(g.tracers).Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "any"}}, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		return err != nil && strings.Contains(err.Error(), "'trace-sec-administration'")
	})
	g.eventually("the policy of running tracers", func(ctx context.Context) bool {
		err := client.CoreV1().RESTClient().Post().Namespace(g.tracers).Resource("pods").Name("any").SubResource("exec").Param("command", "x").Do(ctx).Error()
		return err != nil && strings.Contains(err.Error(), "'trace-sec-running-tracers'")
	})
}

// as is a client of another user.
func (g *guarded) as(user string, groups ...string) kubernetes.Interface {
	g.Helper()
	config := rest.CopyConfig(g.config)
	config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: append(groups, "system:authenticated")}
	config.QPS, config.Burst = 100, 200
	c, err := kubernetes.NewForConfig(config)
	if err != nil {
		g.Fatal(err)
	}
	return c
}

// printedPod is the tracer pod that the plugin would make for a user.
func (g *guarded) printedPod(user string, args ...string) *corev1.Pod {
	g.Helper()
	printed := g.run(append(args, "--as="+user, "--as-group=system:authenticated", "--dry-run=client", "--tracer=carried", "-o", "yaml")...)
	if printed.code != 0 {
		g.Fatalf("%q ends with %d: %s", args, printed.code, printed.stderr)
	}
	documents := utilyaml.NewYAMLOrJSONDecoder(strings.NewReader(printed.stdout), 4096)
	for {
		var pod corev1.Pod
		if err := documents.Decode(&pod); err != nil {
			g.Fatalf("no pod is printed (%v): %s", err, printed.stdout)
		}
		if pod.Kind == "Pod" {
			return &pod
		}
	}
}
