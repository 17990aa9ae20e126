// SPDX-License-Identifier: Apache-2.0

package render

import (
	"strconv"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// transfer is what a call moved that is made again and again: reads and writes. Calls whose transfers name the same are counted
// together.
type transfer struct {
	// what was read or written.
	what []piece
	// single replaces it where one call is shown by itself; nil: it does not.
	single []piece
	// bytes that were moved, where known says so.
	bytes uint64
	known bool
	// failure is the name of the error that the call ended with, empty for none.
	failure string
}

// moved takes the bytes from what the call returned, and where that is not known from the size that was asked for.
func moved(e *event.Event, what []piece, asked string) transfer {
	t := transfer{what: what}
	if k := e.ProcessKprobe; k != nil {
		if n, ok := k.Return.Integer(); ok {
			if t.failure = errorName(n); t.failure == "" && n >= 0 {
				t.bytes, t.known = uint64(n), true
			}
			return t
		}
	}
	if n, err := strconv.ParseUint(asked, 10, 64); err == nil {
		t.bytes, t.known = n, true
	}
	return t
}

// fileBytes: the file is argument 0; the size that was asked for is the last argument that is one.
func fileBytes(e *event.Event) transfer {
	asked := ""
	for i := range argumentCount(e) {
		if argument(e, i).SizeArg != nil {
			asked = numberOf(e, i)
		}
	}
	return moved(e, attributes(pathOf(e, 0)), asked)
}

// fileBuffers: argument 2 is how many buffers there are; how large these are is not known.
func fileBuffers(e *event.Event) transfer { return moved(e, attributes(pathOf(e, 0)), "") }

// permission is asked before anything is moved: how much it will be is not known.
func filePermission(e *event.Event) transfer { return transfer{what: permitted(e)} }

// between are two files, of which one may not be told; from and to count those that are.
func between(from, to int) func(*event.Event) transfer {
	return func(e *event.Event) transfer {
		what := allPaths(e)
		if files := paths(e); len(files) == 2 {
			what = attributes(quote(files[from]) + " -> " + quote(files[to]))
		}
		return moved(e, what, "")
	}
}

// details are those of an event, or of several that are counted together.
func (p *styler) details(r *row, e *event.Event, n *repeated) []piece {
	if p.arguments && e.Hooked() != nil {
		return asked(*r, e)
	}
	if r.moved == nil {
		return r.details(e)
	}
	t := r.moved(e)
	pieces := t.what
	if n == nil && t.single != nil {
		pieces = t.single
	}
	if n != nil {
		pieces = append(pieces, piece{toneArgument, n.times(p)})
		t.bytes, t.known = n.bytes, n.known
	}
	switch {
	case t.failure != "":
		pieces = append(pieces, piece{toneBad, t.failure})
	case t.known && n != nil:
		pieces = append(pieces, piece{toneArgument, shortBytes(t.bytes)})
	case t.known:
		pieces = append(pieces, piece{toneArgument, strconv.FormatUint(t.bytes, 10) + " bytes"})
	}
	return pieces
}

// shortBytes has few characters: 999 bytes, 340 kB, 1.2 GB; units are those of 1000.
func shortBytes(n uint64) string {
	const exact = 10000
	if n < exact {
		return strconv.FormatUint(n, 10) + " bytes"
	}
	value, unit := float64(n), ""
	for _, unit = range [...]string{"kB", "MB", "GB", "TB", "PB", "EB"} {
		if value /= 1000; value < 999.95 {
			break
		}
	}
	return strings.TrimSuffix(strconv.FormatFloat(value, 'f', 1, 64), ".0") + " " + unit
}
