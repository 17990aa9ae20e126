// SPDX-License-Identifier: Apache-2.0

//go:build linux

package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/ringbuf"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
)

// ring is one of the kernel's with the record at its head, if that was read already.
type ring struct {
	*ringbuf.Reader
	record ringbuf.Record
	held   bool
}

func newRing(m *ebpf.Map) (*ring, error) {
	reader, err := ringbuf.NewReader(m)
	if err != nil {
		return nil, fmt.Errorf("map the ring buffer: %w", err)
	}
	return &ring{Reader: reader}, nil
}

// take reads the record at the head; it waits for one no longer than the deadline. held says whether there is one.
func (r *ring) take() error {
	err := r.ReadInto(&r.record)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the ring buffer: %w", err)
	}
	r.held = true
	return nil
}

// look is take without waiting.
func (r *ring) look() error {
	if r.held || r.AvailableBytes() == 0 {
		return nil
	}
	return r.take()
}

// time is when the record at the head was made; one that is too short to say is first.
func (r *ring) time() uint64 {
	at := unsafe.Offsetof(bpf.ProcessRecordHeader{}.Time)
	if raw := r.record.RawSample; uintptr(len(raw)) >= at+8 {
		return binary.NativeEndian.Uint64(raw[at:])
	}
	return 0
}

// rings are the two that records come by, read as one: the records of one thread come in the order in which they were made,
// whichever ring they took.
type rings struct {
	events, priority *ring
}

func newRings(events, priority *ebpf.Map) (*rings, error) {
	r := &rings{}
	var err error
	if r.events, err = newRing(events); err != nil {
		return nil, err
	}
	if r.priority, err = newRing(priority); err != nil {
		return nil, errors.Join(err, r.events.Close())
	}
	return r, nil
}

func (r *rings) Close() error { return errors.Join(r.events.Close(), r.priority.Close()) }

// setDeadline is until when next waits.
func (r *rings) setDeadline(t time.Time) {
	r.events.SetDeadline(t)
	r.priority.SetDeadline(time.Unix(1, 0)) // only what is there is taken
}

// isPressing says whether the ring with priority is so full that it must be read whatever else waits.
func (r *rings) isPressing() bool { return r.priority.AvailableBytes() > r.priority.BufferSize()/2 }

// next is the next record, nil if none came before the deadline. It is good until the next call. Only what comes by events ends
// its waiting.
func (r *rings) next() ([]byte, error) {
	if err := errors.Join(r.events.look(), r.priority.look()); err != nil {
		return nil, err
	}
	if !r.events.held && !r.priority.held {
		if err := r.events.take(); err != nil {
			return nil, err
		}
		if err := r.priority.look(); err != nil { // of before the record that was waited for
			return nil, err
		}
	} else if !r.events.held {
		if err := r.events.look(); err != nil { // of before what has priority
			return nil, err
		}
	}
	first := r.events
	if r.priority.held && (!r.events.held || r.priority.time() < r.events.time()) {
		first = r.priority
	}
	if !first.held {
		return nil, nil
	}
	first.held = false
	return first.record.RawSample, nil
}
