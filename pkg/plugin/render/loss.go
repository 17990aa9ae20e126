// SPDX-License-Identifier: Apache-2.0

package render

import "github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"

// lossTexts says of each cause what was too slow or too small.
var lossTexts = map[string]string{
	event.LostRing:        "the kernel's ring buffer was full",
	event.LostEnforcement: "the kernel's ring buffer for enforcement events was full (what was denied was denied)",
	event.LostWaiting:     "too many calls waited for what they return, which the policy filters by",
	event.LostNested:      "a function called itself, and the policy filters by what the outer call returns",
	event.LostMissed:      "the kernel skipped a program that was already running on that CPU",
	event.LostBusy:        "too many kernel programs interrupted each other on one CPU",
	event.LostScope:       "descendants of the traced command are not traced: the table of processes was full",
	event.LostQueue:       "the tracer's log could not be written fast enough",
	event.LostDecode:      "the tracer could not read a record",
	event.LostWire:        "the log was rotated or cut before it was read",
	event.LostDisplay:     "this terminal or pipe was too slow",
	event.LostThrottled:   "left out, as their pod made events faster than the tracer could read them",
}

// LossText says in a few words what a cause of loss (event.Lost…) means; an unknown cause is returned as it is.
func LossText(cause string) string {
	if text, known := lossTexts[cause]; known {
		return text
	}
	return cause
}
