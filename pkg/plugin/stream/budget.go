// SPDX-License-Identifier: Apache-2.0

package stream

import "sync"

// Budget bounds how many bytes of log wait in all queues of a session together, whatever the number of nodes. It may be used
// concurrently.
type Budget struct {
	mu    sync.Mutex
	freed sync.Cond
	limit int
	used  int
}

// NewBudget returns a budget of so many bytes. A quarter of that on top is for what must not be dropped.
func NewBudget(limit int) *Budget {
	b := &Budget{limit: limit}
	b.freed.L = &b.mu
	return b
}

// take reserves n bytes if there is room; with hysteresis only if half is free.
func (b *Budget) take(n int, hysteresis bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	limit := b.limit
	if hysteresis {
		limit /= 2
	}
	if b.used+n > limit && b.used > 0 {
		return false
	}
	b.used += n
	return true
}

// wait reserves n bytes for what must not be dropped: it waits while these have no room, or until stop says that nobody reads any
// more. whoever changes that calls wake.
func (b *Budget) wait(n int, stop func() bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.used+n > b.limit+b.limit/4 && b.used > 0 && !stop() {
		b.freed.Wait()
	}
	b.used += n
}

func (b *Budget) give(n int) {
	b.mu.Lock()
	b.used -= n
	b.mu.Unlock()
	b.freed.Broadcast()
}

func (b *Budget) wake() { b.freed.Broadcast() }
