// SPDX-License-Identifier: Apache-2.0

package access

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// ErrUnreachable is wrapped by Explain's errors about an API server that did not answer at all.
var ErrUnreachable = errors.New("cannot reach the cluster")

// Explain turns the errors of a cluster that does not answer, or that does not know the user, into ones that say what to
// do; others, nil and the end of the caller's own context it returns as they are.
func Explain(err error) error {
	var (
		request     *url.Error
		certificate x509.UnknownAuthorityError
		network     net.Error
	)
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, ErrUnreachable):
		return err
	case apierrors.IsUnauthorized(err):
		return fmt.Errorf("the cluster does not accept your credentials: log in again, or check the user of the context with `kubectl config view --minify`: %w", err)
	case errors.As(err, &certificate):
		return fmt.Errorf("%w: its certificate is signed by an unknown authority: check certificate-authority of the cluster with `kubectl config view --minify`: %w", ErrUnreachable, err)
	case errors.As(err, &request) && errors.As(err, &network):
		return fmt.Errorf("%w: %w: check the context with `kubectl config current-context` and the way there with `kubectl version`", ErrUnreachable, err)
	}
	return err
}
