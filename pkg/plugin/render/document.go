// SPDX-License-Identifier: Apache-2.0

package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/client-go/util/jsonpath"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/terminal"
)

// documents shows each event that Tetragon's API knows as data.
type documents struct {
	out    io.Writer
	pick   func(*event.Event) *event.Event
	encode func(*event.Event) ([]byte, error)
	err    error
}

func (d *documents) Take(it *pipeline.Item) error {
	shown := picked(it.Event, d.pick)
	if shown == nil || d.err != nil {
		return d.err
	}
	text, err := d.encode(shown)
	if err != nil {
		d.err = fmt.Errorf("event of node %s: %w", it.Event.NodeName, err)
		return d.err
	}
	if len(text) > 0 {
		_, d.err = d.out.Write(text)
	}
	return d.err
}

// Flush implements pipeline.Sink: each document is written at once.
func (d *documents) Flush(time.Time) error { return d.err }

func (d *documents) Close() error { return d.err }

// newYAML writes a document per event. YAML has no escapes outside of double quotes: an event that holds characters that
// must not reach a terminal is written in YAML's JSON form, where it has.
func newYAML(out io.Writer, o Options, _ string) (pipeline.Sink, error) {
	return &documents{out: out, pick: o.Pick, encode: func(e *event.Event) ([]byte, error) {
		text, err := marshal(e, "", yamlEscape)
		if err != nil {
			return nil, err
		}
		text, err = yaml.JSONToYAML(text)
		if err != nil || bytes.ContainsFunc(text, unsafeInDocument) {
			text, err = marshal(e, "  ", yamlEscape)
		}
		return append([]byte("---\n"), text...), err
	}}, nil
}

// newJSONPath writes a line for each event of which the template finds something. Texts in it are escaped as in the other
// formats for people; json has the exact ones.
func newJSONPath(out io.Writer, o Options, template string) (pipeline.Sink, error) {
	template = relaxed(template)
	if err := jsonpath.New("output").Parse(template); err != nil {
		return nil, fmt.Errorf("output format jsonpath: template %q: %w", template, err)
	}
	return &documents{out: out, pick: o.Pick, encode: func(e *event.Event) ([]byte, error) {
		return findJSONPath(template, e)
	}}, nil
}

func findJSONPath(template string, e *event.Event) ([]byte, error) {
	text, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	var data map[string]any
	if err := utiljson.Unmarshal(text, &data); err != nil { // keeps integers: a pid is not 1.2e+06
		return nil, err
	}
	path := jsonpath.New("output").AllowMissingKeys(true) // a new one each time: {range} uses its parser up
	if err := path.Parse(template); err != nil {
		return nil, err
	}
	var found bytes.Buffer
	if err := path.Execute(&found, sanitized(data)); err != nil {
		return nil, fmt.Errorf("output format jsonpath: template %q: %w", template, err)
	}
	if strings.TrimSpace(found.String()) == "" {
		return nil, nil
	}
	return append(bytes.TrimSuffix(found.Bytes(), []byte("\n")), '\n'), nil
}

// relaxed accepts what kubectl does for a template without braces: .a.b and a.b.
func relaxed(template string) string {
	if strings.ContainsAny(template, "{}") {
		return template
	}
	return "{." + strings.TrimPrefix(template, ".") + "}"
}

// sanitized cleans all texts and keys in data as encoding/json decodes it, in place.
func sanitized(data any) any {
	switch x := data.(type) {
	case string:
		return terminal.Sanitize(x)
	case []any:
		for i := range x {
			x[i] = sanitized(x[i])
		}
	case map[string]any:
		for _, key := range slices.Collect(maps.Keys(x)) {
			value := x[key]
			delete(x, key)
			x[terminal.Sanitize(key)] = sanitized(value)
		}
	}
	return data
}

// marshal writes JSON and a line feed; escape writes the characters that must not reach a terminal, which can only be
// inside of its strings.
func marshal(e *event.Event, indent string, escape func(r rune) string) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", indent)
	if err := encoder.Encode(e); err != nil {
		return nil, err
	}
	if !bytes.ContainsFunc(text.Bytes(), unsafeInDocument) {
		return text.Bytes(), nil
	}
	var out bytes.Buffer
	for _, r := range text.String() {
		if unsafeInDocument(r) {
			out.WriteString(escape(r))
		} else {
			out.WriteRune(r)
		}
	}
	return out.Bytes(), nil
}

func unsafeInDocument(r rune) bool { return r != '\n' && terminal.Unsafe(r) }

// yamlEscape is \uNNNN, or \UNNNNNNNN: YAML has no surrogates.
func yamlEscape(r rune) string {
	if r > 0xffff {
		return fmt.Sprintf(`\U%08x`, r)
	}
	return fmt.Sprintf(`\u%04x`, r)
}
