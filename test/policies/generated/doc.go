// SPDX-License-Identifier: Apache-2.0

// Package generated tests policies that nobody wrote: whatever the language allows is loaded, or refused with a reason, and
// the kernel's verifier never has a word in it.
package generated
