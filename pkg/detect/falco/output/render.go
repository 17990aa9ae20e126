// SPDX-License-Identifier: Apache-2.0

package output

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/catalog"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/compare"
)

// missing is what stands for a value that is not there.
const missing = "<NA>"

// Render makes the text of an event.
func (t *Template) Render(values compare.Source, view compare.View) string {
	var b strings.Builder
	for _, p := range t.parts {
		b.WriteString(p.text)
		if p.field == nil {
			continue
		}
		text := missing
		if v, kind := p.field.value(values, view); v.State == compare.Present {
			text = escaped(shown(&v, kind, p.field.Reference.Any()))
		}
		b.WriteString(sized(text, p.width))
	}
	return b.String()
}

// Values are the fields of the template with their JSON values: numbers, booleans, texts, or nil for what is missing.
func (t *Template) Values(values compare.Source, view compare.View) map[string]any {
	fields := make(map[string]any, len(t.Fields)+1)
	for _, f := range t.Fields {
		v, kind := f.value(values, view)
		switch {
		case v.State != compare.Present:
			fields[f.Key] = nil
		case kind == catalog.Number && !f.Reference.Any():
			fields[f.Key] = v.Number
		case kind == catalog.Bool:
			fields[f.Key] = v.Number != 0
		case kind == catalog.Port:
			fields[f.Key] = v.Ports[0]
		default:
			fields[f.Key] = strings.ToValidUTF8(shown(&v, kind, f.Reference.Any()), "\ufffd")
		}
	}
	return fields
}

// value of a placeholder, transformed.
func (p *Placeholder) value(values compare.Source, view compare.View) (v compare.Value, kind catalog.Type) {
	values.Value(p.Reference, view, &v)
	kind = p.Reference.Type
	for i := len(p.Transformers) - 1; i >= 0 && v.State == compare.Present; i-- {
		if name := p.Transformers[i]; name == "len" {
			v.Number, kind = int64(max(len(v.Text), len(v.Texts))), catalog.Number
		} else if text, ok := compare.Transform(name, v.Text); ok {
			v.Text = text
		} else {
			v.State = compare.Absent
		}
	}
	return v, kind
}

// shown is a value that is present as a text.
func shown(v *compare.Value, kind catalog.Type, every bool) string {
	switch {
	case every && kind == catalog.Number:
		words := make([]string, len(v.Numbers))
		for i, n := range v.Numbers {
			words[i] = strconv.FormatInt(n, 10)
		}
		return strings.Join(words, " ")
	case every:
		return strings.Join(v.Texts, " ")
	}
	switch kind {
	case catalog.Number:
		return strconv.FormatInt(v.Number, 10)
	case catalog.Bool:
		return strconv.FormatBool(v.Number != 0)
	case catalog.Address, catalog.Network:
		return v.Addresses[0].String()
	case catalog.Port:
		return strconv.Itoa(int(v.Ports[0]))
	case catalog.TextList:
		return "(" + strings.Join(v.Texts, ",") + ")"
	case catalog.HostName:
		if len(v.Texts) == 0 {
			return missing
		}
		return v.Texts[0]
	}
	return v.Text
}

// escaped writes control characters as JSON does, and what is not UTF-8 as U+FFFD.
func escaped(text string) string {
	clean := true
	for i := range len(text) {
		clean = clean && text[i] >= ' ' && text[i] != 0x7f
	}
	if clean && utf8.ValidString(text) {
		return text
	}
	var b strings.Builder
	for _, r := range strings.ToValidUTF8(text, "\ufffd") {
		if short, ok := shortEscapes[r]; ok {
			b.WriteString(short)
			continue
		}
		if r < ' ' || r == 0x7f {
			fmt.Fprintf(&b, `\u%04x`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// shortEscapes of JSON.
var shortEscapes = map[rune]string{'\b': `\b`, '\f': `\f`, '\n': `\n`, '\r': `\r`, '\t': `\t`}

// sized pads or cuts a text to a width; 0 leaves it as it is.
func sized(text string, width int) string {
	if width == 0 {
		return text
	}
	runes := []rune(text)
	if len(runes) > width {
		return string(runes[:width])
	}
	return text + strings.Repeat(" ", width-len(runes))
}
