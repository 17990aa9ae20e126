// SPDX-License-Identifier: Apache-2.0

package render

import (
	"io"
	"slices"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/terminal"
)

// lines shows one line for each event: Tetragon's compact line, and after it the attributes when it is wide.
type lines struct {
	*pen
	out        io.Writer
	timestamps bool
	look       look
	attributes []attribute
	err        error
}

func newCompact(out io.Writer, o Options, _ string) (Renderer, error) {
	return &lines{pen: newPen(o.Out), out: out, timestamps: o.Timestamps}, nil
}

func newWide(out io.Writer, o Options, _ string) (Renderer, error) {
	return &lines{pen: newPen(o.Out), out: out, timestamps: o.Timestamps, look: ownLook, attributes: wideAttributes[:]}, nil
}

// timestampLayout is Tetragon's: always nine decimals.
const timestampLayout = "2006-01-02T15:04:05.000000000Z07:00"

// wordWidth is what Tetragon pads the word of an event to.
const wordWidth = 7

func (l *lines) Event(e *event.Event) error {
	r := rowOf(e, l.look)
	if r.dataOnly || l.err != nil {
		return l.err
	}
	line := l.line(r, e)
	if l.look == ownLook || len(Enforced(e)) > 0 { // Tetragon's lines do not tell, but nobody may miss it
		line += l.paintText(l.verdict(e))
	}
	for _, a := range l.attributes {
		for _, x := range a(e) {
			if x.value != "" {
				line += "  " + l.paint(toneQuiet, l.clean(x.key)+"=") + l.quoted(x.value)
			}
		}
	}
	for _, below := range l.below(e) {
		line += "\n" + l.paintText(below)
	}
	_, l.err = io.WriteString(l.out, line+"\n")
	return l.err
}

func (l *lines) Close() error { return l.err }

// line is "[time ]emoji word source binary details…[ capabilities]".
func (l *lines) line(r *row, e *event.Event) string {
	var cells []piece // of clean text
	if l.timestamps && e.Time != nil {
		cells = append(cells, piece{tonePlain, e.Time.UTC().Format(timestampLayout)})
	}
	cells = append(cells, piece{r.tone, l.choose(r.emoji, r.ascii) + " " + terminal.Pad(r.word, wordWidth)}, piece{toneSource, l.source(e)})
	if p := e.Process(); p != nil {
		cells = append(cells, piece{toneBinary, l.quoted(p.Binary)})
	}
	for _, d := range r.details(e) {
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
func (p *pen) source(e *event.Event) string {
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
