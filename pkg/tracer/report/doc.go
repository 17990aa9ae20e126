// SPDX-License-Identifier: Apache-2.0

// Package report makes events of what the kernel programs of a policy's hooks tell.
//
//	hook.Record → call (arguments in the policy's order) → process.Output
//
// The record of a call whose return is watched too waits for that of the return, and one event is made of both, with the
// time of the call and the process as it was then. A call that does not return is told when its process ends.
package report
