// SPDX-License-Identifier: Apache-2.0

package falco

import (
	"errors"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/catalog"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/logic"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/output"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/rulefile"
)

// compiler is what is needed while rules are compiled.
type compiler struct {
	*Engine
	expander *logic.Expander
	types    *eventTypes
}

func (c *compiler) compile() {
	c.types = newEventTypes()
	for _, macro := range c.Set.Macros {
		if m := c.expander.MacroMistake(macro); m != nil {
			c.Set.AddAt(rulefile.ErrCompileCondition, macro.Condition, m.At, "macro", macro.Name, "%s", m.Message)
		}
		c.advise(macro.Parsed, macro.Condition, "macro", macro.Name)
	}
	for _, rule := range c.Set.Rules {
		if rule.Parsed != nil {
			c.rule(rule)
		}
	}
}

// rule compiles one rule.
func (c *compiler) rule(rule *rulefile.Rule) {
	condition, mistake := c.expander.Condition(rule.Parsed)
	if mistake != nil {
		code := rulefile.ErrCompileCondition
		if mistake.Unknown && rule.SkipUnknown {
			code = rulefile.UnknownFilter
		}
		c.Set.AddAt(code, rule.Condition, mistake.At, "rule", rule.Name, "%s", mistake.Message)
		return
	}
	c.advise(rule.Parsed, rule.Condition, "rule", rule.Name)
	whole, ok := c.exceptions(rule, condition)
	template := c.template(rule)
	if !ok || template == nil {
		return
	}
	r := &Rule{Rule: rule, Number: len(c.Rules), Condition: condition, Whole: whole, Template: template}
	c.events(r)
	c.Rules = append(c.Rules, r)
}

// exceptions makes the condition of one with its exceptions: condition and not (…).
func (c *compiler) exceptions(rule *rulefile.Rule, condition *logic.Expression) (*logic.Expression, bool) {
	terms, ok := []*logic.Expression{condition}, true
	for i := range rule.Exceptions {
		exception := &rule.Exceptions[i]
		e, mistake := c.expander.Exception(exception)
		if mistake == nil {
			terms = append(terms, c.builder.Not(e))
			continue
		}
		code := rulefile.ErrCompileCondition
		if mistake.Unknown && rule.SkipUnknown {
			code = rulefile.UnknownFilter
		}
		c.Set.Problems = append(c.Set.Problems, rulefile.Problem{Code: code, Place: exception.Place, Item: "rule", Name: rule.Name, Message: mistake.Message})
		ok = false
	}
	return c.builder.And(terms...), ok
}

// template reads the rule's output; nil if it is wrong.
func (c *compiler) template(rule *rulefile.Rule) *output.Template {
	template, err := output.Parse(rule.Output.String(), !c.options.NoSuffix)
	if err == nil {
		return template
	}
	at := 0
	if mistake := (*output.Error)(nil); errors.As(err, &mistake) {
		at = mistake.At
	}
	code := rulefile.ErrCompileOutput
	if rule.SkipUnknown {
		code = rulefile.UnknownFilter
	}
	c.Set.AddAt(code, rule.Output, at, "rule", rule.Name, "%v", err)
	return nil
}

// manyEvents of a condition are worth a warning.
const manyEvents = 100

// events finds out which event types a rule can hold for.
func (c *compiler) events(r *Rule) {
	possible := 0
	types := c.types.of(r.Whole)
	for i, name := range c.types.names {
		if !types.holds.has(i) {
			continue
		}
		possible++
		if _, told := catalog.EventTypeOf(name); !told {
			r.Untold = append(r.Untold, name)
		}
	}
	if possible > manyEvents {
		r.Untold = nil // it names none
		if r.WarnEventTypes {
			c.Set.AddAt(rulefile.NoEventType, r.Rule.Condition, 0, "rule", r.Name,
				"rule matches too many evt.type values: it is tried for all events, which is slow")
		}
	}
	told := catalog.EventTypes()
	for i := range told {
		if c.Specialise(r, &told[i]).Kind != logic.Never {
			r.Events = append(r.Events, &told[i])
		}
	}
}
