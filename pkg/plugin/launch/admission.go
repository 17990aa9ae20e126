// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"context"
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/access"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/carry"
)

// admissionResource is that of TracerAdmissions, and admissionName the one in a tracer namespace by which the policy of
// manifests/admission.yaml judges pods.
var admissionResource = schema.GroupVersionResource{Group: "kubectl-trace-sec.github.io", Version: "v1", Resource: "traceradmissions"}

const (
	admissionKind = "TracerAdmission"
	admissionName = "trace-sec"
)

// Admission is what a tracer namespace lets in that has the admission policy: the spec of a TracerAdmission.
type Admission struct {
	// Tracers are SHA-256 digests of carried tracers, as carry.Tracer has them; Starters names of ConfigMaps.
	Tracers  []string `json:"tracers"`
	Starters []string `json:"starters"`
	// Images with a tracer, by digest; BaseImages of carried tracers' pods.
	Images     []string `json:"images"`
	BaseImages []string `json:"baseImages"`
}

// guardedNamespace is what a launcher knows of a tracer namespace with the admission policy.
type guardedNamespace struct {
	Admission
	// creator is the name that the API server knows this user by.
	creator string
}

// AdmissionOf lets this plugin's tracers in: those that it carries, in these base images, and its image if that is named by a digest.
func AdmissionOf(tracers carry.Set, image string, baseImages []string) Admission {
	a := Admission{Tracers: []string{}, Starters: []string{}, Images: []string{}, BaseImages: slices.Concat([]string{}, baseImages)}
	for _, architecture := range slices.Sorted(maps.Keys(tracers)) {
		a.Tracers = append(a.Tracers, tracers[architecture].Digest)
	}
	if len(a.Tracers) > 0 {
		_, digest := carry.Starters()
		a.Starters = []string{starterName(digest)}
	}
	if strings.Contains(image, "@sha256:") {
		a.Images = []string{image}
	}
	return a
}

// Object is what an administrator puts into the tracer namespace.
func (a Admission) Object(namespace string) *unstructured.Unstructured {
	spec, _ := runtime.DefaultUnstructuredConverter.ToUnstructured(&a) // lists of texts can always be converted
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": admissionResource.GroupVersion().String(), "kind": admissionKind,
		"metadata": map[string]any{"name": admissionName, "namespace": namespace}, "spec": spec,
	}}
}

// findAdmission finds out whether the tracer namespace has an admission policy. Who may not look is told by the dry run, which is
// refused then; what fails in passing is asked again by the next Preflight.
func (l *Launcher) findAdmission(ctx context.Context) {
	objects := l.clients.get().objects
	l.mu.Lock()
	known := l.admissionKnown
	l.mu.Unlock()
	if known || objects == nil {
		return
	}
	found, err := objects.Resource(admissionResource).Namespace(l.config.Namespace).Get(ctx, admissionName, metav1.GetOptions{})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsForbidden(err) {
		return
	}
	var guarded *guardedNamespace
	if err == nil {
		guarded = &guardedNamespace{readAdmission(found), access.User(ctx, l.client())}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.guarded, l.admissionKnown = guarded, true
}

// readAdmission takes what it understands: the API server, which has the whole of it, judges.
func readAdmission(o *unstructured.Unstructured) (a Admission) {
	spec, _, _ := unstructured.NestedMap(o.Object, "spec")
	_ = runtime.DefaultUnstructuredConverter.FromUnstructured(spec, &a)
	return a
}

func (l *Launcher) guardedBy() *guardedNamespace {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.guarded
}

// creatorRunes is how much of a user's name is in a pod's name, from its end: a directory of the pod's logs is named by namespace, name
// and UID, in 255 bytes.
const creatorRunes = 80

// WarnsOfName tells the API server's warning that such a name is longer than a host's may be: no tracer uses the name of its host.
func WarnsOfName(warning string) bool {
	return strings.HasPrefix(warning, "metadata.name: this is used in the Pod's hostname")
}

// creatorSuffix has a pod's name say whose it is, in the only form in which an admission policy can compute it, and where one sees it
// when somebody attaches.
func (g *guardedNamespace) creatorSuffix() string {
	if g == nil {
		return ""
	}
	runes := []rune(g.creator)
	return "-" + hex.EncodeToString([]byte(string(runes[max(0, len(runes)-creatorRunes):])))
}
