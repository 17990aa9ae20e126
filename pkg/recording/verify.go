// SPDX-License-Identifier: Apache-2.0

package recording

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event/readjson"
)

// Report is what a check of a file came to.
type Report struct {
	Name     string
	Manifest *Manifest
	// Trailer is nil for a file that ended without.
	Trailer *Trailer
	// Frames with their checkpoints, Lines in them and Events of tracers, as counted.
	Frames        int
	Lines, Events uint64
	// Chain is its last value, in hex; empty where it could not be computed.
	Chain string
	// Problems say what is not as it was written, each with its frame.
	Problems []string
	Nodes    []NodeCount
}

// NodeCount is what is there of a node.
type NodeCount struct {
	Node string
	// Recorded events with a number. Written is what the tracers said at their ends; Open of them said nothing.
	Recorded, Written uint64
	Open              int
}

// Intact: every byte is as it was written, and the file has its end.
func (r *Report) Intact() bool { return len(r.Problems) == 0 && r.Trailer != nil }

// mostProblems are kept.
const mostProblems = 100

func (r *Report) problem(format string, args ...any) {
	if len(r.Problems) < mostProblems {
		r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
	}
}

// Verify reads a file from its beginning and compares each frame with its checkpoint, the chain, the index, the seek table, and the
// counts of the trailer. The error is one of reading, and no verdict.
func Verify(name string) (*Report, error) {
	r, err := Open(name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if r.manifest == nil && (r.first != nil || !r.framed) {
		return nil, fmt.Errorf("%s: this is no recording: it has no manifest", name)
	}
	c := NewChecker(r)
	for {
		b, err := r.Next()
		if damaged, ok := errors.AsType[*FrameError](err); ok {
			c.Damaged(damaged)
			continue
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			c.report.problem("%v", err)
			break
		}
		c.Check(b)
	}
	return c.Finish(), nil
}

// Checker checks the blocks of a recording as they are read, all from the first.
type Checker struct {
	// Quick leaves out what takes long: lines are not counted by their kinds and nodes. It is set before the first Check.
	Quick bool

	report *Report
	reader *Reader
	chain  [sha256.Size]byte
	// known: chain is that of the frames so far.
	known  bool
	index  []FrameIndex
	counts map[string]*NodeCount
	heads  *readjson.Reader[head]
}

// head is what of a line is counted.
type head struct {
	NodeName string  `json:"node_name"`
	Seq      uint64  `json:"seq"`
	Hello    *unread `json:"hello"`
	Bye      *struct {
		Totals struct {
			Events uint64 `json:"events"`
		} `json:"totals"`
	} `json:"bye"`
	Time *event.Timestamp `json:"time"`
}

// unread is a value of any form.
type unread struct{}

func (*unread) UnmarshalJSON([]byte) error { return nil }

// ReadJSON is readjson.Quick.
func (*unread) ReadJSON([]byte) bool { return true }

var headPlan = readjson.For[head]()

// NewChecker begins a check.
func NewChecker(r *Reader) *Checker {
	return &Checker{report: &Report{Name: r.name, Manifest: r.manifest}, reader: r, counts: map[string]*NodeCount{}, heads: headPlan.NewReader()}
}

// Damaged notes a frame that can't be read.
func (c *Checker) Damaged(e *FrameError) {
	c.report.problem("%v", e)
	c.known = false
	c.index = append(c.index, FrameIndex{Offset: e.Offset})
}

// Check takes the next block.
func (c *Checker) Check(b Block) {
	if c.report.Trailer != nil {
		c.report.problem("frame %d at byte %d: it is behind the trailer", b.Frame, b.Offset)
		return
	}
	text := bytes.TrimRight(b.Text, "\n")
	at := bytes.LastIndexByte(text, '\n') + 1
	last := Line{KindOf(text[at:]), text[at:]}
	if b.Frame == 0 {
		c.begin(text)
	}
	switch last.Kind {
	case KindCheckpoint:
		c.checkpoint(b, text[:at], last)
	case KindTrailer:
		c.trailer(b, text, last)
	default:
		c.report.problem("frame %d at byte %d: it does not end with a checkpoint", b.Frame, b.Offset)
		c.known = false
		c.index = append(c.index, FrameIndex{Offset: b.Offset})
	}
}

// begin begins the chain with the manifest's line.
func (c *Checker) begin(text []byte) {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	c.chain, c.known = sha256.Sum256(line), KindOf(line) == KindManifest
}

// checkpoint compares a frame with the line at its end.
func (c *Checker) checkpoint(b Block, before []byte, line Line) {
	var body struct{ Checkpoint Checkpoint }
	if err := json.Unmarshal(line.Text, &body); err != nil {
		c.report.problem("frame %d at byte %d: checkpoint: %v", b.Frame, b.Offset, err)
		c.known = false
		return
	}
	said := body.Checkpoint
	sum := sha256.Sum256(before)
	found := FrameIndex{Offset: b.Offset, CRC: c.reader.checksum}
	if !c.reader.framed {
		found.CRC = crc32.Checksum(b.Text, castagnoli)
	}
	events := said.Events
	if c.Quick {
		found = FrameIndex{Offset: b.Offset, Lines: said.Lines, Span: said.Span}
	} else {
		events = c.count(before, &found)
	}
	c.index = append(c.index, found)
	c.report.Frames++
	c.report.Lines += found.Lines
	c.report.Events += events
	for _, p := range []struct {
		wrong bool
		what  string
	}{
		{said.Frame != b.Frame, fmt.Sprintf("its checkpoint is that of frame %d", said.Frame)},
		{said.Lines != found.Lines, fmt.Sprintf("it has %d lines, its checkpoint says %d", found.Lines, said.Lines)},
		{said.Events != events, fmt.Sprintf("it has %d events, its checkpoint says %d", events, said.Events)},
		{!sameSpan(said.Span, found.Span), "its checkpoint says other times"},
		{said.SHA256 != hex.EncodeToString(sum[:]), "its text is not what its checkpoint says: SHA-256 differs"},
		{c.rewritten(said, line), "its checkpoint is not as it was written"},
	} {
		if p.wrong {
			c.report.problem("frame %d at byte %d: %s", b.Frame, b.Offset, p.what)
		}
	}
	if !c.known { // go on with what this frame says
		decoded, err := hex.DecodeString(said.Chain)
		c.known = err == nil && copy(c.chain[:], decoded) == sha256.Size
		return
	}
	c.chain = next(c.chain, sum)
	if hex.EncodeToString(c.chain[:]) != said.Chain {
		c.report.problem("frame %d at byte %d: the chain is broken: something before its checkpoint was changed, left out or put in", b.Frame, b.Offset)
	}
}

// rewritten says whether a checkpoint, which no sum covers, is another text than the writer makes. One of a later version may have more.
func (c *Checker) rewritten(said Checkpoint, line Line) bool {
	again, err := EncodeLine(KindCheckpoint, said)
	return c.report.Manifest != nil && c.report.Manifest.Format == Format && (err != nil || !bytes.Equal(again, line.Text))
}

// count counts the lines of a frame.
func (c *Checker) count(text []byte, found *FrameIndex) (events uint64) {
	for line := range linesOf(text) {
		a := About{}
		if line.IsEvent() {
			a = c.about(line)
		} else if line.Kind == KindManifest && c.report.Manifest != nil {
			a.Time = c.report.Manifest.Started.Time
		}
		if a.Number > 0 {
			events++
		}
		found.note(line.Kind, a)
	}
	return events
}

// about counts an event.
func (c *Checker) about(line Line) About {
	var h head
	if err := c.heads.Read(line.Text, &h); err != nil {
		c.report.problem("a line of kind %s can't be read: %v", line.Kind, err)
		return About{}
	}
	a := About{Node: h.NodeName, Number: h.Seq}
	if h.Time != nil {
		a.Time = h.Time.Time
	}
	n := c.counts[h.NodeName]
	if n == nil {
		n = &NodeCount{Node: h.NodeName}
		c.counts[h.NodeName] = n
	}
	switch {
	case h.Seq > 0:
		n.Recorded++
	case h.Hello != nil:
		n.Open++
	case h.Bye != nil:
		n.Written += h.Bye.Totals.Events
		n.Open = max(0, n.Open-1)
	}
	return a
}

// trailer compares the whole file with its end.
func (c *Checker) trailer(b Block, text []byte, line Line) {
	var body struct{ Trailer Trailer }
	if err := json.Unmarshal(line.Text, &body); err != nil {
		c.report.problem("frame %d at byte %d: trailer: %v", b.Frame, b.Offset, err)
		return
	}
	t := &body.Trailer
	c.report.Trailer = t
	wrong := func(format string, args ...any) {
		c.report.problem("frame %d at byte %d: %s", b.Frame, b.Offset, fmt.Sprintf(format, args...))
	}
	before, _, found := bytes.Cut(text, []byte(trailerChain+t.Chain))
	if t.Chain == "" || !found || !bytes.HasSuffix(text, []byte(trailerChain+t.Chain+trailerEnd[:len(trailerEnd)-1])) {
		wrong("its trailer has no chain")
		return
	}
	if c.known {
		c.chain = next(c.chain, sha256.Sum256(before))
		if c.report.Chain = hex.EncodeToString(c.chain[:]); c.report.Chain != t.Chain {
			wrong("the chain is broken: index or trailer were changed")
		}
	}
	if t.Lines != c.report.Lines || t.Events != c.report.Events {
		wrong("the trailer says %d lines and %d events, there are %d and %d", t.Lines, t.Events, c.report.Lines, c.report.Events)
	}
	if c.Quick {
		return
	}
	index, _, err := parseIndex(text)
	if err != nil {
		wrong("%v", err)
		return
	}
	if i, same := sameIndex(index, c.index); !same {
		c.report.problem("frame %d is not what the index says of it", i)
	}
}

// sameIndex compares indices.
func sameIndex(a, b []FrameIndex) (frame int, same bool) {
	for i := range min(len(a), len(b)) {
		if a[i].Offset != b[i].Offset || a[i].CRC != b[i].CRC || a[i].Lines != b[i].Lines || !sameSpan(a[i].Span, b[i].Span) || !maps.Equal(a[i].Kinds, b[i].Kinds) ||
			!maps.EqualFunc(a[i].Nodes, b[i].Nodes, func(x, y *Range) bool {
				return x != nil && x.FirstSeq == y.FirstSeq && x.LastSeq == y.LastSeq && sameSpan(x.Span, y.Span)
			}) {
			return i, false
		}
	}
	return min(len(a), len(b)), len(a) == len(b)
}

func sameSpan(a, b Span) bool {
	same := func(x, y *event.Timestamp) bool {
		return x == nil && y == nil || x != nil && y != nil && x.Equal(y.Time)
	}
	return same(a.First, b.First) && same(a.Last, b.Last)
}
