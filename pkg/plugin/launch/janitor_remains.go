// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// Remains is the error of a clean-up that did not remove everything: what is left, why, and how to remove it.
type Remains struct {
	Namespace string
	// Selector finds the pods that are left.
	Selector string
	// Pods that are left; none are known when they could not be listed, which Err is then about.
	Pods []LeftPod
	// Coming is how many pods may still come into being, their creation being under way.
	Coming int
	// NamespaceLeft: a session made it, nothing is in it, and it could not be deleted. NamespaceTerminating: it is being deleted.
	NamespaceLeft, NamespaceTerminating bool
	// ConfigMap is a starter that a session made and that could not be deleted; empty: none.
	ConfigMap string
	// Err is what kept the clean-up from going on: the end of its time, or a refusal.
	Err error
}

// LeftPod is a pod that is left and why.
type LeftPod struct{ Name, Node, Why string }

// Error is one line.
func (r *Remains) Error() string {
	why := ""
	if r.Err != nil {
		why = ": " + oneLine(r.Err)
	}
	switch {
	case r.NamespaceTerminating:
		return fmt.Sprintf("namespace %[1]s is still being deleted%[2]s: see kubectl get namespace %[1]s -o yaml", r.Namespace, why)
	case r.NamespaceLeft:
		return fmt.Sprintf("namespace %[1]s, which a session made, is left%[2]s: delete it with kubectl delete namespace %[1]s", r.Namespace, why)
	}
	if r.ConfigMap != "" {
		return fmt.Sprintf("ConfigMap %[1]s, which a session made, is left in namespace %[2]s%[3]s: delete it with kubectl --namespace=%[2]s delete configmap %[1]s",
			r.ConfigMap, r.Namespace, why)
	}
	return fmt.Sprintf("%[1]s in namespace %[2]s%[3]s: delete what is left with kubectl --namespace=%[2]s delete pods --selector=%[4]s",
		r.what(), r.Namespace, why, r.Selector)
}

func (r *Remains) what() string {
	var parts []string
	for _, p := range r.Pods {
		parts = append(parts, fmt.Sprintf("%s on node %s (%s)", p.Name, p.Node, p.Why))
	}
	text := "tracer pods may be left"
	if len(parts) > 0 {
		text = fmt.Sprintf("%d tracer %s left: %s", len(parts), plural(len(parts), "pod is", "pods are"), strings.Join(parts, ", "))
	}
	if r.Coming > 0 {
		text += fmt.Sprintf("; %d more may come into being, as the API server has not answered", r.Coming)
	}
	return text
}

// Unwrap is what kept the clean-up from going on.
func (r *Remains) Unwrap() error { return r.Err }

func plural(n int, one, more string) string {
	if n == 1 {
		return one
	}
	return more
}

// shortest is the API server's own error in err, or else err.
func shortest(err error) error {
	if status, ok := errors.AsType[*apierrors.StatusError](err); ok {
		return status
	}
	return err
}
