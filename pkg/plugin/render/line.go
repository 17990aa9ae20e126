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
	out        io.Writer
	timestamps bool
	look       look
	attributes []attributeSource
	err        error
}

func newCompact(out io.Writer, o Options, _ string) (pipeline.Sink, error) {
	l := &lines{styler: newStyler(o.Out), out: out, timestamps: o.Timestamps}
	l.styler.arguments = o.Arguments
	if !o.OwnWords {
		return l, nil
	}
	l.look = ownLook
	return o.counting(l), nil
}

func newWide(out io.Writer, o Options, _ string) (pipeline.Sink, error) {
	return o.counting(&lines{styler: newStyler(o.Out), out: out, timestamps: o.Timestamps, look: ownLook, attributes: wideAttributes[:]}), nil
}

// counting puts the stage before a renderer that counts what repeats, unless everything is to be shown.
func (o Options) counting(r interface {
	pipeline.Sink
	repeatSink
}) pipeline.Sink {
	if o.Every {
		return r
	}
	return newRepeats(r)
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
	line := l.line(r, e, n)
	if l.look == ownLook || len(Enforced(e)) > 0 { // Tetragon's lines do not tell, but nobody may miss it
		line += l.paintText(l.verdict(e))
	}
	line += l.attributesOf(it, n)
	for _, below := range l.below(e) {
		line += "\n" + l.paintText(below)
	}
	_, l.err = io.WriteString(l.out, line+"\n")
	return l.err
}

func (l *lines) Close() error { return l.err }

// attributesOf are those of a wide line; of several events, those that they have in common.
func (l *lines) attributesOf(it *pipeline.Item, n *repeated) (text string) {
	if n != nil {
		e := it.Event.Clone()
		it = &pipeline.Item{Event: e, Process: it.Process}
		h := e.Hooked()
		h.Args, h.Data = nil, nil
		if k := e.ProcessKprobe; k != nil {
			k.Return = nil
		}
	}
	for _, a := range l.attributes {
		all := a(it)
		if n != nil {
			all = append(all, n.attributes()...)
			n = nil // once, before the others
		}
		for _, x := range all {
			if x.value != "" {
				text += "  " + l.paint(toneQuiet, l.clean(x.key)+"=") + l.quoted(x.value)
			}
		}
	}
	return text
}

// line is "[time ]emoji word source binary details…[ capabilities]".
func (l *lines) line(r row, e *event.Event, n *repeated) string {
	var cells []piece // of clean text
	if l.timestamps && e.Time != nil {
		cells = append(cells, piece{tonePlain, e.Time.UTC().Format(timestampLayout)})
	}
	cells = append(cells, piece{r.tone, l.choose(r.emoji, r.ascii) + " " + terminal.Pad(r.word, wordWidth)}, piece{toneSource, l.source(e)})
	if p := e.Process(); p != nil {
		cells = append(cells, piece{toneBinary, l.quoted(p.Binary)})
	}
	for _, d := range l.details(r, e, n) {
		cells = append(cells, piece{d.tone, l.clean(d.text)})
	}
	painted := make([]string, len(cells))
	length := len(cells) - 1
	for i, c := range cells {
		painted[i] = l.paint(c.tone, c.text)
		length += len(c.text)
	}
	return strings.Join(painted, " ") + l.capabilities(e.Process(), length)
}

// source is where an event comes from: its pod, or the node when it is not of a pod.
func (p *styler) source(e *event.Event) string {
	if process := e.Process(); process != nil && process.Pod != nil {
		return p.clean(process.Pod.Namespace) + "/" + p.clean(process.Pod.Name)
	}
	return p.quoted(e.NodeName)
}

// capabilityColumn is where Tetragon's note about capabilities ends, counted in bytes of the line.
const capabilityColumn = 120

// capabilities notes a process that may do nearly everything, at the right.
func (l *lines) capabilities(p *event.Process, length int) string {
	const admin = "CAP_SYS_ADMIN"
	if p == nil || p.Cap == nil || !slices.Contains(p.Cap.Effective, admin) {
		return ""
	}
	text := l.choose("🛑", "!") + " " + admin
	return " " + strings.Repeat(" ", max(0, capabilityColumn-length-len([]rune(text)))) + l.paint(toneBinary, text)
}
