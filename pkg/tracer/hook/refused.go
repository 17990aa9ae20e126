// SPDX-License-Identifier: Apache-2.0

//go:build linux

package hook

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cilium/ebpf"
)

// refused words an error of loading. What the verifier says is for who wrote the programs, not for who wrote a policy, but for
// what it says of the place before it looks at the program: that is the kernel's.
func refused(d *Definition, err error) error {
	var verifier *ebpf.VerifierError
	if !errors.As(err, &verifier) || len(verifier.Log) == 0 {
		return fmt.Errorf("%s: %w", d.Name, err)
	}
	if reason := ofKernel(verifier.Log); reason != "" {
		return fmt.Errorf("%s: %s", d.Name, reason)
	}
	return &VerifierError{Hook: d.Name, Cause: verifier}
}

// ofKernel is what the verifier says of the place before it looks at the program: that the kernel has no programs there. Empty if
// it says something else.
func ofKernel(log []string) string {
	if strings.HasPrefix(log[len(log)-1], "processed 0 insns") {
		return "the kernel has no programs there: " + log[0]
	}
	return ""
}

// VerifierError says that the kernel's verifier refuses a program: a fault of ours, which Cause has the whole story of.
type VerifierError struct {
	Hook  string
	Cause *ebpf.VerifierError
}

// Error does not show the verifier's log.
func (e *VerifierError) Error() string {
	return e.Hook + ": this kernel's verifier refuses the program; please report this with the policy and the kernel's version"
}

// Unwrap returns the cause.
func (e *VerifierError) Unwrap() error { return e.Cause }
