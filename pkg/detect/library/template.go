// SPDX-License-Identifier: Apache-2.0

package library

import (
	"errors"
	"fmt"
	"strings"

	"github.com/google/cel-go/common/types"
)

// template is a text with expressions in braces.
type template struct {
	// texts stand before each of the expressions, and after the last.
	texts       []string
	expressions []*expression
}

// mostPlaces of expressions in a template.
const mostPlaces = 16

func parseTemplate(text string) (*template, error) {
	t := &template{}
	for {
		before, rest, found := strings.Cut(text, "{")
		t.texts = append(t.texts, before)
		if !found {
			return t, nil
		}
		inner, after, closed := strings.Cut(rest, "}")
		if !closed {
			return nil, errors.New("{ without }")
		}
		if len(t.expressions) == mostPlaces {
			return nil, fmt.Errorf("more than %d expressions", mostPlaces)
		}
		e, _, column, err := compile(inner, types.StringKind, types.IntKind)
		if err != nil {
			return nil, fmt.Errorf("{%s}, column %d: %w", inner, column, err)
		}
		t.expressions, text = append(t.expressions, e), after
	}
}

// longestOutput is how many bytes of an output are kept: it stands in one line.
const longestOutput = 1000

func (t *template) render(v *values) string {
	var b strings.Builder
	for i, text := range t.texts {
		b.WriteString(text)
		if i < len(t.expressions) {
			value, err := t.expressions[i].value(v)
			if err != nil {
				value = "?"
			}
			b.WriteString(value)
		}
		if b.Len() > longestOutput {
			return strings.ToValidUTF8(b.String()[:longestOutput], "") + "…"
		}
	}
	return b.String()
}
