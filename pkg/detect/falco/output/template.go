// SPDX-License-Identifier: Apache-2.0

// Package output writes alerts as Falco does: the text that a rule's output makes of an event, the line for people and the JSON
// object for machines.
package output

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/catalog"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/condition"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/nearest"
)

// Suffix is what Falco's default configuration appends to the outputs of syscall rules.
const Suffix = " container_id=%container.id container_name=%container.name container_image_repository=%container.image.repository" +
	" container_image_tag=%container.image.tag k8s_pod_name=%k8s.pod.name k8s_ns_name=%k8s.ns.name"

// containerInfo stands for the suffix in old rule files.
const containerInfo = "%container.info"

// Template is a rule's output, read.
type Template struct {
	parts []part
	// Fields in the order of their first use.
	Fields []*Placeholder
}

// part is a text, or a field behind it.
type part struct {
	text  string
	field *Placeholder
	width int // 0 for as long as the value is
}

// Placeholder is a field of a template, perhaps transformed.
type Placeholder struct {
	Reference *catalog.Reference
	// Transformers are applied from the last to the first.
	Transformers []string
	// Key is the field as it was written.
	Key string
}

// Error is a mistake in an output.
type Error struct {
	// At is the offset in bytes.
	At      int
	Message string
}

func (e *Error) Error() string { return e.Message }

// Parse reads an output. The error is an *Error. With suffix, what Falco's default configuration appends is appended, unless an old
// output has asked for it.
func Parse(text string, suffix bool) (*Template, error) {
	t := &Template{}
	if err := t.read(text); err != nil {
		return nil, err
	}
	if !suffix || strings.Contains(text, containerInfo) {
		return t, nil
	}
	if err := t.read(Suffix); err != nil {
		return nil, err
	}
	return t, nil
}

// LongestText of an output that is read, in bytes.
const LongestText = 1 << 16

func (t *Template) read(text string) error {
	if len(text) > LongestText {
		return &Error{0, fmt.Sprintf("the output is longer than %d KiB", LongestText>>10)}
	}
	at := 0
	for {
		sign := strings.IndexByte(text[at:], '%')
		if sign < 0 {
			t.parts = append(t.parts, part{text: text[at:]})
			return nil
		}
		before := text[at : at+sign]
		at += sign
		if strings.HasPrefix(text[at:], containerInfo) {
			t.parts = append(t.parts, part{text: before})
			if err := t.read(strings.TrimPrefix(Suffix, " ")); err != nil {
				return err
			}
			at += len(containerInfo)
			continue
		}
		field, width, length, err := placeholder(text[at+1:])
		if err != nil {
			err.At += at
			return err
		}
		t.parts = append(t.parts, part{text: before, field: t.unique(field), width: width})
		at += 1 + length
	}
}

// unique is the placeholder of the same key, if there is one.
func (t *Template) unique(field *Placeholder) *Placeholder {
	if at := slices.IndexFunc(t.Fields, func(f *Placeholder) bool { return f.Key == field.Key }); at >= 0 {
		return t.Fields[at]
	}
	t.Fields = append(t.Fields, field)
	return field
}

// widest a field can be made, in bytes.
const widest = 4096

// placeholder reads what follows a %: a width, transformers and a field.
func placeholder(text string) (field *Placeholder, width, length int, err *Error) {
	at := 0
	for at < len(text) && '0' <= text[at] && text[at] <= '9' {
		at++
	}
	if at > 0 {
		if width, _ = strconv.Atoi(text[:at]); width == 0 || width > widest {
			return nil, 0, 0, &Error{0, fmt.Sprintf("a field's width is a number from 1 to %d", widest)}
		}
	}
	if strings.HasPrefix(text[at:], "*") { // Falco's sign for "print even if it is missing", which is always done
		at++
	}
	start := at
	field = &Placeholder{}
	for name := leadingTransformer(text[at:]); name != ""; name = leadingTransformer(text[at:]) {
		field.Transformers = append(field.Transformers, name)
		at += len(name) + 1
		if len(field.Transformers) > mostTransformers {
			return nil, 0, 0, &Error{0, fmt.Sprintf("more than %d transformers of one field", mostTransformers)}
		}
	}
	reference, end := catalog.LongestField(text[at:])
	if reference == nil {
		return nil, 0, 0, unknownField(text[at:])
	}
	at += end
	for range field.Transformers {
		if !strings.HasPrefix(text[at:], ")") {
			return nil, 0, 0, &Error{0, fmt.Sprintf("expected a ')' after %%%s", text[start:at])}
		}
		at++
	}
	field.Reference, field.Key = reference, text[start:at]
	if n := len(field.Transformers); n > 0 {
		if wrong := transformable(field); wrong != "" {
			return nil, 0, 0, &Error{0, wrong}
		}
	}
	return field, width, at, nil
}

// mostTransformers of one field.
const mostTransformers = 16

// transformable says what is wrong with a transformed field.
func transformable(p *Placeholder) string {
	r := p.Reference
	if r.Whole() {
		return fmt.Sprintf("%s can't be used in a transformer", r.Name)
	}
	inner := p.Transformers[len(p.Transformers)-1]
	if !r.Type.IsText() && !(inner == "len" && (r.Type == catalog.TextList || r.Type == catalog.Buffer)) {
		return fmt.Sprintf("the transformer %s needs a text, and %s is a %s", inner, r.Name, r.Type)
	}
	if at := slices.Index(p.Transformers, "len"); at > 0 {
		return fmt.Sprintf("the transformer %s needs a text, and len gives a number", p.Transformers[at-1])
	}
	return ""
}

// leadingTransformer is the transformer that a text begins with, with its parenthesis; those with several arguments are not for outputs.
func leadingTransformer(text string) string {
	name, _, found := strings.Cut(text, "(")
	if found && condition.IsTransformer(name) && name != "join" && name != "concat" && name != "getopt" {
		return name
	}
	return ""
}

// unknownField says that no field follows.
func unknownField(text string) *Error {
	end := strings.IndexFunc(text, func(r rune) bool {
		return r != '.' && r != '_' && (r < '0' || r > '9') && (r|0x20 < 'a' || r|0x20 > 'z')
	})
	if end < 0 {
		end = len(text)
	}
	name := strings.TrimRight(text[:min(end, 64)], ".")
	if name == "" {
		return &Error{0, "a % begins a field, as in %proc.name: there is no way to write the sign itself"}
	}
	hint := ""
	if near := nearest.Name(name, catalog.FieldNames()); near != "" {
		hint = "; did you mean %" + near + "?"
	}
	return &Error{0, fmt.Sprintf("unknown field %%%s%s", name, hint)}
}
