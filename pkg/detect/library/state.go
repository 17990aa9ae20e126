// SPDX-License-Identifier: Apache-2.0

package library

import (
	"container/list"
	"hash/maphash"
	"slices"
	"sync"
	"time"
)

// mostRemembered keys of one memory; the one that was longest not touched is forgotten for another, which is counted. A key takes about
// 200 bytes, with times about 16 bytes for each of them.
const mostRemembered = 10_000

// memory is what one part of a rule remembers of the events of a session, by key. Several goroutines may use it.
type memory struct {
	mu        sync.Mutex
	seed      maphash.Seed
	entries   map[uint64]*list.Element
	order     *list.List // the one that was touched last is in front
	forgotten uint64
}

// remembered is what is known of one key: when, and of what values, which are hashes.
type remembered struct {
	key  uint64
	seen []occurrence
}

type occurrence struct {
	value uint64
	at    time.Time
	noted string
}

// longestNoted is how many bytes of what a step notes are kept.
const longestNoted = 256

func newMemory() *memory {
	return &memory{seed: maphash.MakeSeed(), entries: map[uint64]*list.Element{}, order: list.New()}
}

func (m *memory) hash(texts ...string) uint64 {
	var h maphash.Hash
	h.SetSeed(m.seed)
	for _, text := range texts {
		_, _ = h.WriteString(text)
		_ = h.WriteByte(0)
	}
	return h.Sum64()
}

// touch is the entry of a key, made if there is none.
func (m *memory) touch(key uint64) (r *remembered, made bool) {
	if element, known := m.entries[key]; known {
		m.order.MoveToFront(element)
		return element.Value.(*remembered), false //nolint:forcetypeassert // what is put in
	}
	if len(m.entries) >= mostRemembered {
		last := m.order.Back()
		delete(m.entries, last.Value.(*remembered).key) //nolint:forcetypeassert // what is put in
		m.order.Remove(last)
		m.forgotten++
	}
	r = &remembered{key: key}
	m.entries[key] = m.order.PushFront(r)
	return r, true
}

// note remembers that something happened to a key, and what is noted of it.
func (m *memory) note(at time.Time, noted string, key ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, _ := m.touch(m.hash(key...))
	r.seen = append(r.seen[:0], occurrence{at: at, noted: noted[:min(len(noted), longestNoted)]})
}

// since says whether something happened to a key at most so long before, and what was noted of it.
func (m *memory) since(at time.Time, within time.Duration, key ...string) (noted string, happened bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	element, known := m.entries[m.hash(key...)]
	if !known {
		return "", false
	}
	last := element.Value.(*remembered).seen[0] //nolint:forcetypeassert // what is put in
	return last.noted, at.Sub(last.at) <= within
}

// first says whether a key is new.
func (m *memory) first(key ...string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, made := m.touch(m.hash(key...))
	return made
}

// reached counts one more occurrence of a value of a key, and says whether there are so many within the time; then it begins anew. With
// distinct, occurrences of one value are one.
func (m *memory) reached(at time.Time, within time.Duration, atLeast int, distinct bool, value string, key ...string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, _ := m.touch(m.hash(key...))
	o := occurrence{at: at}
	if distinct {
		o.value = m.hash(value)
	}
	r.seen = slices.DeleteFunc(r.seen, func(old occurrence) bool {
		return at.Sub(old.at) > within || distinct && old.value == o.value
	})
	if r.seen = append(r.seen, o); len(r.seen) < atLeast {
		return false
	}
	r.seen = r.seen[:0]
	return true
}
