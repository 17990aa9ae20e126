// SPDX-License-Identifier: Apache-2.0

package falco

import (
	"regexp"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/catalog"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/condition"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/rulefile"
)

// simplePattern is a regular expression that another operator does as well.
var simplePattern = regexp.MustCompile(`^(\.\*)?[A-Za-z0-9_/-]+(\.\*)?$`)

// mostAdvice on one condition.
const mostAdvice = 20

// advise warns of what is allowed and seldom meant.
func (c *compiler) advise(e condition.Expression, text *rulefile.Text, item, name string) {
	warned := 0
	warn := func(code rulefile.Code, at int, format string, arguments ...any) {
		if warned++; warned > mostAdvice { // each is looked for in the file
			return
		}
		c.Set.AddAt(code, text, at, item, name, format, arguments...)
	}
	eachCheck(e, func(check *condition.Check) {
		field, plain := check.Left.(*condition.Field)
		if plain {
			if r, err := catalog.Resolve(field.Name, field.Index, field.Indexed); err == nil && r.Deprecated() {
				warn(rulefile.CompileCondition, field.At, "field %s is deprecated: there are only exit events, whose direction is <", field.Name)
			}
		}
		for _, v := range check.Values {
			switch {
			case check.Operator == "regex" && simplePattern.MatchString(v.Text):
				warn(rulefile.CompileCondition, v.At, "the regular expression can be written with =, startswith, endswith or contains, which is faster")
			case isField(v.Text):
				warn(rulefile.CompileCondition, v.At, "'%s' is a text here: to compare with the field, write val(%s)", v.Text, v.Text)
			case isTransformer(v.Text):
				warn(rulefile.CompileCondition, v.At, "'%s' is a text here: to compare with what a transformer makes, write it without quotes", v.Text)
			case !check.List && (v.Text == "<NA>" || v.Text == "N/A"):
				warn(rulefile.UnsafeNACheck, v.At, "a missing value is not equal to %s: use exists", v.Text)
			}
		}
	})
}

// isTransformer says whether a text is written like the call of a transformer.
func isTransformer(text string) bool {
	name, rest, found := strings.Cut(text, "(")
	return found && strings.HasSuffix(rest, ")") && (condition.IsTransformer(name) || name == condition.Val)
}

func isField(text string) bool {
	field, err := condition.ParseField(text)
	if err != nil {
		return false
	}
	_, err = catalog.Resolve(field.Name, field.Index, field.Indexed)
	return err == nil
}

// eachCheck calls a function for all comparisons of a condition.
func eachCheck(e condition.Expression, call func(*condition.Check)) {
	switch e := e.(type) {
	case *condition.And:
		for _, term := range e.Terms {
			eachCheck(term, call)
		}
	case *condition.Or:
		for _, term := range e.Terms {
			eachCheck(term, call)
		}
	case *condition.Not:
		eachCheck(e.Term, call)
	case *condition.Check:
		call(e)
	}
}
