// SPDX-License-Identifier: Apache-2.0

// Package access says what the user may do in the cluster and why the API server does not answer, in words that name the
// remedy. It keeps no state; all functions may be called at the same time.
package access

import (
	"context"
	"errors"
	"fmt"
	"sync"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// Need is one permission and what it is needed for.
type Need struct {
	Verb, Group, Resource, Subresource string
	// Namespace is empty for what is not in a namespace, and for "in all namespaces".
	Namespace string
	// For says what does not work without it, as the end of a sentence: "to read the events".
	For string
}

// Resources is the resource as kubectl and RBAC write it ("pods/log").
func (n Need) Resources() string {
	if n.Subresource != "" {
		return n.Resource + "/" + n.Subresource
	}
	return n.Resource
}

// String is one line of an error message.
func (n Need) String() string {
	where := "in all namespaces"
	switch {
	case n.Namespace != "":
		where = "in namespace " + n.Namespace
	case clusterScoped[n.Resource]:
		where = "in the cluster"
	}
	text := fmt.Sprintf("%s %s %s", n.Verb, n.Resources(), where)
	if n.For != "" {
		text += " (" + n.For + ")"
	}
	return text
}

// clusterScoped are the resources asked for here that are not in a namespace.
var clusterScoped = map[string]bool{"nodes": true, "namespaces": true}

// Missing asks the API server about all needs at once and returns those that are denied, in the order given. An error
// means that some could not be asked about; the others' answers are still returned.
func Missing(ctx context.Context, client kubernetes.Interface, needs []Need) ([]Need, error) {
	denied := make([]bool, len(needs))
	errs := make([]error, len(needs))
	var wg sync.WaitGroup
	for i, n := range needs {
		wg.Go(func() {
			review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
				ResourceAttributes: &authorizationv1.ResourceAttributes{
					Namespace: n.Namespace, Verb: n.Verb, Group: n.Group, Resource: n.Resource, Subresource: n.Subresource,
				}}}
			answer, err := client.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
			if err != nil {
				errs[i] = fmt.Errorf("ask whether you may %s: %w", n, err)
				return
			}
			denied[i] = !answer.Status.Allowed
		})
	}
	wg.Wait()
	var missing []Need
	for i, n := range needs {
		if denied[i] {
			missing = append(missing, n)
		}
	}
	return missing, errors.Join(errs...)
}

// Check is Missing as an error: nil, or *Denied with all that is missing.
func Check(ctx context.Context, client kubernetes.Interface, needs []Need) error {
	missing, err := Missing(ctx, client, needs)
	if len(missing) == 0 {
		return err
	}
	return &Denied{Missing: missing, User: User(ctx, client)}
}

// Refine makes of a refusal (403) the *Denied that names all of the needs that are missing. Other errors, and refusals for
// another reason than these needs, it returns as they are.
func Refine(ctx context.Context, client kubernetes.Interface, err error, needs []Need) error {
	var denied *Denied
	if apierrors.IsForbidden(err) && errors.As(Check(ctx, client, needs), &denied) {
		return denied
	}
	return err
}

// User is the name that the API server knows the caller by; empty when it does not say.
func User(ctx context.Context, client kubernetes.Interface) string {
	review, err := client.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	if err != nil {
		return ""
	}
	return review.Status.UserInfo.Username
}
