// SPDX-License-Identifier: Apache-2.0

// Package compose writes TracingPolicies from what a command's flags ask for: a flag's value becomes a hook, a filter or an
// action, and the result is text that Tetragon reads as well. What a policy means is package policy's to say.
package compose
