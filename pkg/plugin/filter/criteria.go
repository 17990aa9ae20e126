// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// Keys of criteria: the names of their flags, and the keys of Exclude.
const (
	KeyBinary       = "binary"
	KeyParentBinary = "parent-binary"
	KeyArguments    = "args"
	KeyUID          = "uid"
	KeyPID          = "pid"
	KeyPolicy       = "policy"
	KeyEvent        = "event"
	KeyAncestor     = "ancestor"
	KeyCEL          = "cel"
)

// row is a criterion: compile reads its values, which are alternatives.
type row struct {
	key     string
	compile func(*Filter, values) (compiled, error)
}

// criteria is the table of these.
var criteria = [...]row{
	{KeyBinary, each(func(value string) (criterion, error) { return program(value, (*event.Event).Process) })},
	{KeyParentBinary, each(func(value string) (criterion, error) { return program(value, (*event.Event).Parent) })},
	{KeyArguments, each(func(value string) (criterion, error) {
		pattern, err := expression(value)
		return func(e *event.Event) bool { p := e.Process(); return p != nil && pattern.MatchString(p.Arguments) }, err
	})},
	{KeyUID, each(func(value string) (criterion, error) {
		made, err := number(value, func(p *event.Process) *uint32 { return p.Uid })
		if _, e := strconv.ParseFloat(value, 64); err != nil && value != "" && e != nil {
			err = fmt.Errorf("%w: which number a name has, the container's /etc/passwd says (root is 0)", err)
		}
		return made, err
	})},
	{KeyPID, each(func(value string) (criterion, error) {
		return number(value, func(p *event.Process) *uint32 { return p.Pid })
	})},
	{KeyPolicy, each(ofPolicy)},
	{KeyEvent, each(ofType)},
	{KeyAncestor, func(_ *Filter, v values) (compiled, error) { return compileAncestors(v) }},
	{KeyCEL, (*Filter).compileExpressions},
}

// Keys are those of all criteria.
func Keys() []string {
	keys := make([]string, len(criteria))
	for i := range criteria {
		keys[i] = criteria[i].key
	}
	return keys
}

// each compiles values that are compared with one thing of an event each, independently of other events.
func each(parse func(value string) (criterion, error)) func(*Filter, values) (compiled, error) {
	return func(_ *Filter, v values) (compiled, error) {
		var alternatives []criterion
		var errs []error
		for _, value := range v.list {
			made, err := parse(value)
			if err != nil {
				errs = append(errs, v.wrong(value, err))
			}
			alternatives = append(alternatives, made)
		}
		return compiled{criterion: anyOf(alternatives)}, errors.Join(errs...)
	}
}

func anyOf(alternatives []criterion) criterion {
	return func(e *event.Event) bool {
		return slices.ContainsFunc(alternatives, func(c criterion) bool { return c(e) })
	}
}

// expression reads a regular expression, which may match anywhere in a text. An empty one matches everything, so it is a
// mistake.
func expression(value string) (*regexp.Regexp, error) {
	if value == "" {
		return nil, errors.New("a regular expression is missing")
	}
	return regexp.Compile(value)
}

// number compares with an ID of the process; one that is not known is none.
func number(value string, of func(*event.Process) *uint32) (criterion, error) {
	n, err := strconv.ParseUint(value, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("want a number from 0 to %d", uint32(1<<32-1))
	}
	return func(e *event.Event) bool {
		p := e.Process()
		return p != nil && of(p) != nil && *of(p) == uint32(n)
	}, nil
}

func ofPolicy(name string) (criterion, error) {
	if name == "" {
		return nil, errors.New("the name of a policy is missing")
	}
	return func(e *event.Event) bool { h := e.Hooked(); return h != nil && h.PolicyName == name }, nil
}
