// SPDX-License-Identifier: Apache-2.0

package stream

import "fmt"

// ignored counts lines that are passed over, and says so ever more seldom.
type ignored struct {
	push     func(Item, int)
	total    Ignored
	reported uint64
	next     uint64
}

func (i *ignored) malformed(e *lineError) {
	i.total.Malformed++
	i.note(e.sample, e.err)
}

func (i *ignored) foreign(r received) {
	i.total.Foreign++
	sample := r.frame.Session
	i.note(sample[:min(len(sample), maxSample)], fmt.Errorf("frame %d of another session", r.frame.Number))
}

func (i *ignored) note(sample string, err error) {
	i.total.Sample, i.total.Err = sample, err
	if count := i.total.Malformed + i.total.Foreign; count >= max(i.next, 1) {
		i.next = count * 10
		i.flush()
	}
}

// flush says what was not said yet.
func (i *ignored) flush() {
	if count := i.total.Malformed + i.total.Foreign; count > i.reported {
		i.reported = count
		total := i.total
		i.push(Item{Ignored: &total}, 0)
	}
}
