// SPDX-License-Identifier: Apache-2.0

// Package policies tests the policy engine as a whole: policies that are loaded into the kernel, programs that provoke what
// they watch, and the events that come of it. The same tables run on each kernel of the matrix.
package policies
