// SPDX-License-Identifier: Apache-2.0

package render

import (
	"strconv"
	"strings"

	"github.com/fatih/color"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/terminal"
)

// tone is what a piece of text means; the palette gives it a colour.
type tone int

const (
	tonePlain    tone = iota
	toneEvent         // what happened
	toneSource        // pod or node
	toneBinary        // the program
	toneArgument      // arguments, attributes
	toneStatus        // exit status in Tetragon's lines
	toneGood          // exit code 0
	toneBad           // exit code, signal
	toneAlarm         // what must not be missed
	toneCaution       // worth a look
	toneQuiet         // guides, repeated names
	toneTitle         // headings
	lastTone     = toneTitle
)

// toneColors is Tetragon's choice for the tones that its lines have.
var toneColors = map[tone][]color.Attribute{
	toneEvent:    {color.FgBlue},
	toneSource:   {color.FgGreen},
	toneBinary:   {color.FgMagenta},
	toneArgument: {color.FgCyan},
	toneStatus:   {color.FgRed},
	toneGood:     {color.FgGreen},
	toneBad:      {color.FgRed, color.Bold},
	toneAlarm:    {color.FgHiWhite, color.BgRed, color.Bold},
	toneCaution:  {color.FgYellow},
	toneQuiet:    {color.FgHiBlack},
	toneTitle:    {color.Bold},
}

// piece is a text with a meaning. The text may be hostile: styler.clean is the only way for it to an output.
type piece struct {
	tone tone
	text string
}

// styler writes pieces for one output.
type styler struct {
	terminal.Capabilities
	// arguments is Options.Arguments.
	arguments bool
	colors    [lastTone + 1]escapes
}

// escapes are what stands before and after a text of a colour.
type escapes struct{ before, after string }

func newStyler(c terminal.Capabilities) *styler {
	p := &styler{Capabilities: c}
	if !c.Color {
		return p
	}
	for t, attributes := range toneColors {
		made := color.New(attributes...)
		made.EnableColor() // not what the package found out about the process's own standard output
		p.colors[t].before, p.colors[t].after, _ = strings.Cut(made.Sprint("\x00"), "\x00")
	}
	return p
}

// clean makes a text fit for the output.
func (p *styler) clean(s string) string {
	if p.UTF8 {
		return terminal.Sanitize(s)
	}
	return terminal.SanitizeASCII(s)
}

// quoted is clean, in double quotes when the text has a blank or a character that must be escaped, as Tetragon does it.
func (p *styler) quoted(s string) string {
	if clean := p.clean(s); clean == s && !strings.Contains(s, " ") {
		return s
	}
	return p.clean(strconv.Quote(s))
}

// paint colours a text that is clean already.
func (p *styler) paint(t tone, clean string) string {
	if clean == "" {
		return clean
	}
	return p.colors[t].before + clean + p.colors[t].after
}

// appendPainted appends what paint returns.
func (p *styler) appendPainted(line []byte, t tone, clean string) []byte {
	if clean == "" {
		return line
	}
	line = append(line, p.colors[t].before...)
	line = append(line, clean...)
	return append(line, p.colors[t].after...)
}

// choose picks the form of a symbol that the output can show.
func (p *styler) choose(emoji, ascii string) string {
	if p.Emoji {
		return emoji
	}
	return ascii
}
