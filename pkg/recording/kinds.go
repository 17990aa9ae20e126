// SPDX-License-Identifier: Apache-2.0

package recording

import (
	"bytes"
	"iter"
	"strings"
)

// The kinds of lines besides events, whose kinds begin with EventPrefix, and what is said of them: hello, notice, loss and bye are
// event.Event with these bodies.
const (
	KindManifest   = "manifest"
	KindPolicy     = "policy"
	KindPod        = "pod"
	KindClock      = "clock"
	KindFinding    = "finding"
	KindSegmentEnd = "segment_end"
	KindCheckpoint = "checkpoint"
	KindIndex      = "index"
	KindTrailer    = "trailer"
	// KindUnknown is an event that the recorder did not know.
	KindUnknown = "unknown"

	// EventPrefix begins the kinds of events (process_exec).
	EventPrefix = "process_"
)

// streamKinds are what tracers and the session say beside events about processes.
var streamKinds = map[string]bool{"hello": true, "notice": true, "loss": true, "bye": true, KindUnknown: true}

// Line is one line of a file.
type Line struct {
	// Kind is the first key; empty for what is no object with a key.
	Kind string
	// Text has no line feed. It is valid until the block that it is of is let go.
	Text []byte
}

// IsEvent says whether a line is an event of the stream: about a process, or what the stream says of itself.
func (l Line) IsEvent() bool { return strings.HasPrefix(l.Kind, EventPrefix) || streamKinds[l.Kind] }

// KindOf is the first key of a line, empty for what is no object with a key of printable ASCII.
func KindOf(line []byte) string {
	line = bytes.TrimLeft(line, " \t")
	rest, ok := bytes.CutPrefix(line, []byte(`{"`))
	if !ok {
		return ""
	}
	end := bytes.IndexByte(rest[:min(len(rest), longestKind+1)], '"')
	if end < 0 || bytes.IndexByte(rest[:end], '\\') >= 0 {
		return ""
	}
	return kindName(rest[:end])
}

// longestKind is the longest name of a kind that is read.
const longestKind = 64

// usualKinds are names that need no memory of their own.
var usualKinds = func() map[string]string {
	names := map[string]string{}
	for _, name := range []string{
		"process_exec", "process_exit", "process_kprobe", "process_tracepoint", "process_loader", "process_uprobe", "process_lsm", "process_usdt",
		"process_throttle", "hello", "notice", "loss", "bye", KindManifest, KindPolicy, KindPod, KindClock, KindFinding, KindSegmentEnd,
		KindCheckpoint, KindIndex, KindTrailer, KindUnknown,
	} {
		names[name] = name
	}
	return names
}()

func kindName(key []byte) string {
	if name, ok := usualKinds[string(key)]; ok {
		return name
	}
	return string(key)
}

// linesOf yields the lines of a text that ends with a line feed; empty ones are left out.
func linesOf(text []byte) iter.Seq[Line] {
	return func(yield func(Line) bool) {
		for line := range bytes.Lines(text) {
			line = bytes.TrimRight(line, "\r\n")
			if len(line) > 0 && !yield(Line{KindOf(line), line}) {
				return
			}
		}
	}
}
