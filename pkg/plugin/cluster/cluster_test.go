// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// A warning is said once, where the command says everything, and can't steer the terminal.
func TestWarnings(t *testing.T) {
	streams, _, _, first := genericiooptions.NewTestIOStreams()
	c := New(streams, "test")
	for range 2 {
		c.warnings.HandleWarningHeader(299, "-", "would violate PodSecurity\x1b[2J")
	}
	var second bytes.Buffer
	c.WarnTo(&second)
	c.warnings.HandleWarningHeader(299, "-", "would violate PodSecurity\x1b[2J")
	c.warnings.HandleWarningHeader(299, "-", "deprecated")
	if got, want := first.String(), "warning: would violate PodSecurity\\x1b[2J\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := second.String(), "warning: deprecated\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
