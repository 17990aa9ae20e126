// SPDX-License-Identifier: Apache-2.0

// Package prefilter derives from Falco rules what a kernel can decide of an event before it is sent: for each event type a filter that
// lets every event pass for which some rule holds. It lets others pass too: the rules are evaluated afterwards all the same.
//
// Filters are abstract: they say what is compared with what, and Admits says exactly which events each has to let pass. How they become
// selectors of a policy is not decided here.
package prefilter
