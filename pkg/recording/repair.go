// SPDX-License-Identifier: Apache-2.0

package recording

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// Repaired is what a repair could keep.
type Repaired struct {
	Lines, Events uint64
	// Left are frames that could not be read.
	Left  []string
	Chain string
}

// Repair copies the lines of all whole frames of a file into a new one, with index and trailer. The original is not touched. The new
// file must not exist.
func Repair(name, into string) (made Repaired, err error) {
	r, err := Open(name)
	if err != nil {
		return made, err
	}
	defer r.Close()
	if r.manifest == nil {
		return made, fmt.Errorf("%s: its first frame, which has the manifest, can't be read: zstdcat %s shows the lines that are left", name, name)
	}
	out, err := os.OpenFile(into, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return made, err
	}
	defer func() { err = errors.Join(err, out.Sync(), out.Close()) }()
	w, err := NewWriter(out, *r.manifest, strings.HasSuffix(into, plainSuffix))
	if err != nil {
		return made, err
	}
	counts := NewChecker(r)
	trailer := Trailer{Repaired: true, Reason: "repaired", Ended: event.Timestamp{Time: time.Now()}}
	for {
		b, err := r.Next()
		if damaged, ok := errors.AsType[*FrameError](err); ok {
			made.Left = append(made.Left, damaged.Error())
			continue
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			made.Left = append(made.Left, err.Error())
			break
		}
		if err := copyLines(w, b, counts, &trailer); err != nil {
			return made, err
		}
	}
	for _, n := range counts.Finish().Nodes {
		trailer.Nodes = append(trailer.Nodes, NodeTotals{Node: n.Node, Written: n.Written, Recorded: n.Recorded})
	}
	made.Lines, made.Events = w.Lines(), w.Events()
	made.Chain, err = w.Finish(trailer)
	return made, err
}

// copyLines writes the lines of a block again, but for what the new file has of its own.
func copyLines(w *Writer, b Block, counts *Checker, t *Trailer) error {
	for line := range b.Lines() {
		a := About{}
		switch line.Kind {
		case KindManifest, KindCheckpoint, KindIndex:
			continue
		case KindTrailer: // what it said of the end holds
			var body struct{ Trailer Trailer }
			if json.Unmarshal(line.Text, &body) == nil {
				t.Reason, t.ExitCode, t.Ended, t.Error = body.Trailer.Reason, body.Trailer.ExitCode, body.Trailer.Ended, body.Trailer.Error
			}
			continue
		}
		if line.IsEvent() {
			a = counts.about(line)
		}
		if err := w.Add(line.Text, a); err != nil {
			return err
		}
	}
	return w.CloseFrame()
}
