// SPDX-License-Identifier: Apache-2.0

//go:build linux

package kernel

import (
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
)

// TestSegmentBits: what the object has by itself suits the ring that it has by itself, and others are cut in as many segments.
func TestSegmentBits(t *testing.T) {
	spec, err := bpf.LoadProcess()
	if err != nil {
		t.Fatal(err)
	}
	var bits uint32
	if err := spec.Variables["segment_bits"].Get(&bits); err != nil {
		t.Fatal(err)
	}
	ring := spec.Maps["events"].MaxEntries
	if got := segmentBits(ring); got != bits || segments<<bits != ring {
		t.Errorf("%d bits in the object, %d for its ring of %d bytes", bits, got, ring)
	}
	for _, ring := range []uint32{4 << 10, 1 << 20, 16 << 20, 1 << 31} {
		if got := segmentBits(ring); ring >= 64<<10 && segments<<got != ring {
			t.Errorf("a ring of %d bytes: %d bits", ring, got)
		}
	}
}
