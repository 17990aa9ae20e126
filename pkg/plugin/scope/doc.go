// SPDX-License-Identifier: Apache-2.0

// Package scope says which pods, containers and nodes the policies of a session are about, beside what the command line
// names: what is traced is in both. Who decides what:
//
//   - Which pods are targets: Targets. A pod that no policy selects is none, and none of the kernel's work is spent on it.
//   - Which policies a node's tracer gets: Scope.SourcesOn, by their nodeSelector.
//   - Which policies and selectors of policies are about which pods and containers: Scope.Pod. The tracer has the kernel tell
//     them apart.
//   - Whose events are shown: Scope.Keep. Of exec and exit, and of a container that has just started, a tracer tells more than the
//     policies are about: that is dropped here, and counted as filtered.
//
// Labels count as they are when the event is shown. A pod that stops matching stays a target, since it may match again, but
// its events are dropped.
package scope
