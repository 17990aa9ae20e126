// SPDX-License-Identifier: Apache-2.0

package render

import (
	"io"
	"slices"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/terminal"
)

// lines shows one line for each event: Tetragon's compact line, and after it the attributes when it is wide.
type lines struct {
	*styler
	waiting
	timestamps bool
	look       look
	attributes []attributeSource
	// line is the one that was made last; its memory is used again.
	line []byte
}

func newCompact(out io.Writer, o Options, _ string) (pipeline.Sink, error) {
	l := &lines{styler: newStyler(o.Out), waiting: waiting{out: out}, timestamps: o.Timestamps}
	l.styler.arguments = o.Arguments
	if !o.OwnWords {
		return l, nil
	}
	l.look = ownLook
	return o.counting(l), nil
}

func newWide(out io.Writer, o Options, _ string) (pipeline.Sink, error) {
	return o.counting(&lines{styler: newStyler(o.Out), waiting: waiting{out: out}, timestamps: o.Timestamps, look: ownLook, attributes: wideAttributes[:]}), nil
}

// counting puts the stage before a renderer that counts what repeats, unless everything is to be shown.
func (o Options) counting(r interface {
	pipeline.Sink
	repeatSink
}) pipeline.Sink {
	if o.Every {
		return r
	}
	return newRepeats(r, o.clock())
}

// timestampLayout is Tetragon's: always nine decimals.
const timestampLayout = "2006-01-02T15:04:05.000000000Z07:00"

// wordWidth is what Tetragon pads the word of an event to.
const wordWidth = 7

func (l *lines) Take(it *pipeline.Item) error { return l.show(it, nil) }

// show is Take for several events of a kind, if n is not nil.
func (l *lines) show(it *pipeline.Item, n *repeated) error {
	e := it.Event
	r := rowOf(e, l.look)
	if r.dataOnly || l.err != nil {
		return l.err
	}
	l.line = l.appendLine(l.line[:0], &r, e, n)
	if l.look == ownLook || len(Enforced(e)) > 0 { // Tetragon's lines do not tell, but nobody may miss it
		l.line = l.appendText(l.line, l.verdict(e))
	}
	l.line = l.appendAttributes(l.line, it, n)
	for _, below := range l.below(e) {
		l.line = l.appendText(append(l.line, '\n'), below)
	}
	l.line = append(l.line, '\n')
	l.buffer = append(l.buffer, l.line...)
	return l.writeIfMany()
}

// appendAttributes appends those of a wide line; of several events, those that they have in common.
func (l *lines) appendAttributes(line []byte, it *pipeline.Item, n *repeated) []byte {
	if len(l.attributes) == 0 {
		return line
	}
	if n != nil {
		e := it.Event.Clone()
		it = &pipeline.Item{Event: e, Process: it.Process}
		h := e.Hooked()
		h.Args, h.Data = nil, nil
		if k := e.ProcessKprobe; k != nil {
			k.Return = nil
		}
	}
	for i, a := range l.attributes {
		if a.value != nil {
			line = l.appendAttribute(line, a.key, a.value(it))
		} else {
			for _, x := range a.all(it.Event) {
				line = l.appendAttribute(line, x.key, x.value)
			}
		}
		if n != nil && i == 0 {
			for _, x := range n.attributes() {
				line = l.appendAttribute(line, x.key, x.value)
			}
		}
	}
	return line
}

func (l *lines) appendAttribute(line []byte, key, value string) []byte {
	if value == "" {
		return line
	}
	line = append(line, "  "...)
	line = append(line, l.colors[toneQuiet].before...)
	line = append(append(line, l.clean(key)...), '=')
	line = append(line, l.colors[toneQuiet].after...)
	return append(line, l.quoted(value)...)
}

// appendLine appends "[time ]emoji word source binary details…[ capabilities]".
func (l *lines) appendLine(line []byte, r *row, e *event.Event, n *repeated) []byte {
	colors := 0 // bytes of the line that take no place
	cell := func(t tone, clean string) {
		if len(line) > 0 {
			line = append(line, ' ')
		}
		line = l.appendPainted(line, t, clean)
		if clean != "" {
			colors += len(l.colors[t].before) + len(l.colors[t].after)
		}
	}
	if l.timestamps && e.Time != nil {
		line = e.Time.UTC().AppendFormat(line, timestampLayout)
	}
	process := e.Process()
	cell(r.tone, l.choose(r.emoji, r.ascii)+" "+terminal.Pad(r.word, wordWidth))
	cell(toneSource, l.source(e.NodeName, process))
	if process != nil {
		cell(toneBinary, l.quoted(process.Binary))
	}
	for _, d := range l.details(r, e, n) {
		cell(d.tone, l.clean(d.text))
	}
	return l.appendCapabilities(line, process, len(line)-colors)
}

// source is where an event comes from: its pod, or the node when it is not of a pod.
func (p *styler) source(node string, process *event.Process) string {
	if process != nil && process.Pod != nil {
		return p.clean(process.Pod.Namespace) + "/" + p.clean(process.Pod.Name)
	}
	return p.quoted(node)
}

// capabilityColumn is where Tetragon's note about capabilities ends, counted in bytes of the line.
const capabilityColumn = 120

// appendCapabilities notes a process that may do nearly everything, at the right of a line of some bytes.
func (l *lines) appendCapabilities(line []byte, p *event.Process, length int) []byte {
	const admin = "CAP_SYS_ADMIN"
	if p == nil || p.Cap == nil || !slices.Contains(p.Cap.Effective, admin) {
		return line
	}
	text := l.choose("🛑", "!") + " " + admin
	line = append(line, strings.Repeat(" ", 1+max(0, capabilityColumn-length-len([]rune(text))))...)
	return l.appendPainted(line, toneBinary, text)
}
