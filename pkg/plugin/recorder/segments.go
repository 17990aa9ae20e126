// SPDX-License-Identifier: Apache-2.0

package recorder

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/recording"
)

// segments are the files of a recording, one behind the other.
type segments struct {
	file *recording.File
	// ended are those before it that are still there, with their lines.
	ended []segment
	// dropped is how many lines went with those that were removed; bytes and events are of the ended ones.
	dropped, events uint64
	bytes           int64
	number          int
}

type segment struct {
	name  string
	lines uint64
}

// open makes the next file. previous is the last chain of the one before.
func (s *segments) open(o *Options, previous *string) error {
	s.number++
	m := o.Manifest
	m.Segment = s.number
	if previous != nil {
		m.PreviousChain = *previous
	}
	file, err := recording.Create(segmentName(o.Name, s.number), m, slices.Concat(o.First, o.Pods.all()), o.Force)
	if err != nil {
		return err
	}
	s.file = file
	return nil
}

// segmentName is NAME.0002.tsec.zst for the second file.
func segmentName(name string, number int) string {
	if number == 1 {
		return name
	}
	folder, base := filepath.Split(name)
	stem, suffix, found := strings.Cut(base, ".")
	if !found {
		return fmt.Sprintf("%s.%04d", name, number)
	}
	return filepath.Join(folder, fmt.Sprintf("%s.%04d.%s", stem, number, suffix))
}

// rotate ends the file and begins the next one.
func (s *segments) rotate(o *Options, totals func() []recording.NodeTotals) error {
	line, err := recording.EncodeLine(recording.KindSegmentEnd, recording.SegmentEnd{Next: filepath.Base(segmentName(o.Name, s.number+1))})
	if err != nil {
		return err
	}
	if err := s.file.Add(line, recording.About{}); err != nil {
		return err
	}
	chain, err := s.file.Finish(recording.Trailer{
		Nodes: totals(), Continued: true, Reason: "the file was full", Ended: event.Timestamp{Time: time.Now()}, Dropped: s.dropped,
	})
	if err != nil {
		return err
	}
	s.ended = append(s.ended, segment{s.file.Name(), s.file.Lines()})
	s.events, s.bytes = s.events+s.file.Events(), s.bytes+s.file.Size()
	for o.Keep > 0 && len(s.ended) >= o.Keep {
		oldest := s.ended[0]
		if err := errors.Join(os.Remove(oldest.name), os.Remove(oldest.name+recording.SumSuffix)); err != nil {
			return fmt.Errorf("recording: %w", err)
		}
		s.ended, s.dropped = s.ended[1:], s.dropped+oldest.lines
	}
	return s.open(o, &chain)
}
