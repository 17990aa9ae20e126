// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/recording"
)

// Source is what is replayed: the files of one recording, or logs, in their order.
type Source struct {
	readers []*recording.Reader
	// indices of the readers; nil where there is none.
	indices [][]recording.FrameIndex
	// Trailer is that of the last file; nil: it has none, or it is not known before the end.
	Trailer *recording.Trailer
}

// Open opens files; a name may be a pattern, as shells have them. Segments of a recording are put in order.
func Open(names []string) (*Source, error) {
	s := &Source{}
	for _, name := range names {
		matches, err := filepath.Glob(name)
		if err != nil || len(matches) == 0 {
			matches = []string{name} // which says what is wrong
		}
		for _, match := range matches {
			r, err := recording.Open(match)
			if err != nil {
				return nil, errors.Join(err, s.Close())
			}
			s.readers = append(s.readers, r)
		}
	}
	segment := func(r *recording.Reader) (id string, number int) {
		if m := r.Manifest(); m != nil {
			return m.Recording, m.Segment
		}
		return "", 0
	}
	slices.SortStableFunc(s.readers, func(a, b *recording.Reader) int {
		idA, numberA := segment(a)
		idB, numberB := segment(b)
		if idA != idB {
			return 0
		}
		return cmp.Compare(numberA, numberB)
	})
	for _, r := range s.readers {
		frames, trailer, err := r.Index()
		if err != nil {
			frames = nil // it is read from its beginning
		}
		s.indices, s.Trailer = append(s.indices, frames), trailer
	}
	return s, nil
}

// Manifest of the first file; nil for a log.
func (s *Source) Manifest() *recording.Manifest {
	for _, r := range s.readers {
		if m := r.Manifest(); m != nil {
			return m
		}
	}
	return nil
}

// Close closes the files.
func (s *Source) Close() error {
	var errs []error
	for _, r := range s.readers {
		errs = append(errs, r.Close())
	}
	return errors.Join(errs...)
}

// Bounds are the times of the first and the last line, as far as indices say them.
func (s *Source) Bounds() (first, last time.Time) {
	for _, index := range s.indices {
		for _, f := range index {
			for _, r := range f.Nodes { // without the manifest
				if r != nil && r.First != nil && (first.IsZero() || r.First.Before(first)) {
					first = r.First.Time
				}
				if r != nil && r.Last != nil && r.Last.After(last) {
					last = r.Last.Time
				}
			}
		}
	}
	return first, last
}

// window is a span of time; zero: without bound.
type window struct{ since, until time.Time }

func (w window) bounded() bool { return !w.since.IsZero() || !w.until.IsZero() }

func (w window) has(t time.Time) bool {
	return (w.since.IsZero() || !t.Before(w.since)) && (w.until.IsZero() || !t.After(w.until))
}

// misses says whether nothing of a frame is within.
func (w window) misses(f recording.FrameIndex) bool {
	if f.First == nil || f.Last == nil {
		return false
	}
	return !w.since.IsZero() && f.Last.Before(w.since) || !w.until.IsZero() && f.First.After(w.until)
}

// ended is how reading came to its end.
type ended struct {
	// incomplete are files without end, and damaged frames.
	incomplete []string
	// reports are of the checks that ran beside.
	reports []*recording.Report
	err     error
}

// read gives the blocks of all files to use, in order, until ctx ends. check: each frame is compared with its checkpoint beside.
func (s *Source) read(ctx context.Context, w window, check bool, use func(recording.Block)) (e ended) {
	for i, r := range s.readers {
		var checker *recording.Checker
		if check && r.Manifest() != nil {
			checker = recording.NewChecker(r)
			checker.Quick = true
		}
		if err := s.readOne(ctx, i, w, checker, use, &e); err != nil {
			e.err = err
			return e
		}
		if checker != nil {
			e.reports = append(e.reports, checker.Finish())
		}
	}
	return e
}

// readOne reads a file.
func (s *Source) readOne(ctx context.Context, i int, w window, checker *recording.Checker, use func(recording.Block), e *ended) error {
	r, index := s.readers[i], s.indices[i]
	for next := 0; ctx.Err() == nil; next++ {
		if w.bounded() && index != nil {
			from := next
			for next < len(index) && w.misses(index[next]) {
				next++
			}
			if next == len(index) {
				return nil
			}
			if next > from || next == 0 {
				if err := r.Seek(next, index[next]); err != nil {
					return err
				}
			}
		}
		b, err := r.Next()
		if damaged, ok := errors.AsType[*recording.FrameError](err); ok {
			e.incomplete = append(e.incomplete, fmt.Sprintf("%s: %v: its lines are left out", r.Name(), damaged))
			if checker != nil {
				checker.Damaged(damaged)
			}
			continue
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, recording.ErrIncomplete):
			e.incomplete = append(e.incomplete, fmt.Sprintf("%s: %v", r.Name(), err))
			return nil
		case err != nil:
			return fmt.Errorf("%s: %w", r.Name(), err)
		}
		if checker != nil {
			checker.Check(b)
		}
		use(b)
	}
	return nil
}
