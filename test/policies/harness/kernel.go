// SPDX-License-Identifier: Apache-2.0

//go:build linux

package harness

import "github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/hook"

// Prevents says whether this kernel lets programs deny what is asked of security modules. Where it does not, what a policy
// forbids is only punished.
func Prevents() bool { return hook.NewProbes().Unavailable(hook.FModifyReturn) == nil }
