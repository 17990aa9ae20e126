// SPDX-License-Identifier: Apache-2.0

package pipeline

import "slices"

// Counts is told what becomes of a node's events; what is about no process is not counted. It may be used concurrently.
type Counts interface {
	// Taken: the sink of this name took an event.
	Taken(sink string)
	// Filtered: an event is not shown, as asked.
	Filtered(sink string)
	// Dropped: the sink could not take events.
	Dropped(sink, cause string, events uint64)
}

// Batch is items of one node in their order, on their way to the sinks.
type Batch struct {
	Items  []*Item
	Counts Counts
	// urgent says that all of Items passed others.
	urgent bool
}

// split takes out what must not wait behind others: events that enforced something, and what the stream says of itself.
func (b Batch) split() (urgent, rest Batch) {
	urgent, rest = Batch{Counts: b.Counts, urgent: true}, Batch{Counts: b.Counts}
	for _, it := range b.Items {
		if it.Urgent {
			urgent.Items = append(urgent.Items, it)
		} else {
			rest.Items = append(rest.Items, it)
		}
	}
	return urgent, rest
}

func (b Batch) hasUrgent() bool {
	return slices.ContainsFunc(b.Items, func(it *Item) bool { return it.Urgent })
}

// events is how many of the items from one on are about processes.
func (b Batch) events(from int) (count uint64) {
	for _, it := range b.Items[from:] {
		if it.AboutProcess {
			count++
		}
	}
	return count
}

// dropped counts the items from one on as dropped by a sink that is stuck.
func (b Batch) dropped(sink string, from int) uint64 {
	count := b.events(from)
	b.Counts.Dropped(sink, CauseStuck, count)
	return count
}
