// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/ext"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// costLimit of one expression on one event, in CEL's units: about 10 ms (Kubernetes has a million for 0.1 s). What needs more
// is no match, and is said.
const costLimit = 100_000

// trouble is what goes wrong with an expression while events are compared; it is said once.
type trouble struct {
	about string
	once  sync.Once
	say   func(text string)
}

func (t *trouble) reportOnce(err error) {
	t.once.Do(func() {
		if t.say != nil {
			t.say(fmt.Sprintf("%s: %v: such events count as not matching (has(a.b) asks whether a field is there)", t.about, err))
		}
	})
}

// celExpression is an expression.
type celExpression struct {
	program cel.Program
	// about are the bodies that it names, beside what else of an event; variables are all that there are, empty.
	about     map[string]body
	beside    []body
	variables map[string]any
	trouble   *trouble
}

// compileExpressions makes expressions alternatives.
func (f *Filter) compileExpressions(v values) (compiled, error) {
	env, err := newEnvironment()
	if err != nil {
		return compiled{}, err
	}
	var alternatives []criterion
	var errs []error
	for _, value := range v.list {
		c, err := newCELExpression(env, value)
		if err != nil {
			errs = append(errs, v.wrong(value, err))
			continue
		}
		c.trouble = &trouble{about: v.where(value)}
		f.troubles = append(f.troubles, c.trouble)
		alternatives = append(alternatives, c.matches)
	}
	return compiled{criterion: anyOf(alternatives)}, errors.Join(errs...)
}

// newEnvironment has a variable for each type of event, its body in JSON, and for what stands beside that, and Kubernetes'
// functions for addresses.
func newEnvironment() (*cel.Env, error) {
	options := []cel.EnvOption{ext.Network()}
	for _, b := range slices.Concat(bodies(), besideBody()) {
		kind, _ := variableOf(b)
		options = append(options, cel.Variable(b.name, kind))
	}
	env, err := cel.NewEnv(options...)
	if err != nil {
		return nil, fmt.Errorf("a bug in this program: %w", err)
	}
	return env, nil
}

// variableOf is the type of a variable, and its value where the event has none.
func variableOf(b body) (kind *cel.Type, empty any) {
	switch {
	case b.kind.Kind() == reflect.Slice:
		return cel.ListType(cel.DynType), []any{}
	case isObject(element(b.kind)):
		return cel.MapType(cel.StringType, cel.DynType), map[string]any{}
	}
	return cel.StringType, ""
}

// newCELExpression reads an expression. It has to be about events, name fields that there are, and be true or false.
func newCELExpression(env *cel.Env, text string) (*celExpression, error) {
	checked, issues := env.Compile(text)
	if issues.Err() != nil {
		return nil, compileError(issues, text)
	}
	root := checked.NativeRep().Expr()
	names := newNaming()
	ast.PreOrderVisit(root, ast.NewExprVisitor(names.visit))
	if names.err != nil {
		return nil, names.err
	}
	if len(names.about) == 0 {
		return nil, fmt.Errorf("names no type of event: %s", strings.Join(bodyNames(), ", "))
	}
	if !isBoolean(checked, names, root) {
		return nil, errors.New("is neither true nor false, so it says nothing about which events to show")
	}
	program, err := env.Program(checked, cel.CostLimit(costLimit))
	if err != nil {
		return nil, err
	}
	c := &celExpression{program: program, about: names.about, beside: names.beside, variables: map[string]any{}}
	for _, b := range slices.Concat(bodies(), besideBody()) {
		_, c.variables[b.name] = variableOf(b)
	}
	return c, nil
}

// compileError is what is wrong with an expression, a line each, and what was probably meant.
func compileError(issues *cel.Issues, text string) error {
	var lines []string
	for _, e := range issues.Errors() {
		message, _, _ := strings.Cut(e.Message, " expecting ") // a list of all tokens of the language
		lines = append(lines, fmt.Sprintf("column %d: %s", e.Location.Column()+1, message))
	}
	all := strings.Join(lines, "; ")
	if unknown := undeclared.FindStringSubmatch(all); unknown != nil {
		if slices.Contains(fieldNames(reflect.TypeFor[event.ProcessExec]()), unknown[1]) {
			return fmt.Errorf("%s: fields stand below the type of event, as process_exec.%s", all, unknown[1])
		}
		return fmt.Errorf("%s%s", all, policy.DidYouMean(unknown[1], bodyNames()))
	}
	if assignment.MatchString(text) {
		return fmt.Errorf("%s: CEL compares with ==", all)
	}
	return errors.New(all)
}

var (
	undeclared = regexp.MustCompile(`undeclared reference to '(\w+)'`)
	// assignment is an = that is no part of ==, !=, <= or >=.
	assignment = regexp.MustCompile(`[^=!<>]=[^=]`)
)

func bodyNames() (names []string) {
	for _, b := range bodies() {
		names = append(names, b.name)
	}
	return names
}

// isBoolean says whether an expression may be true or false: what comes out of JSON has no type, but mostly it is known what
// it will be.
func isBoolean(checked *cel.Ast, names *naming, root ast.Expr) bool {
	if checked.OutputType().IsExactType(cel.BoolType) {
		return true
	}
	known := names.typeOf(root)
	return checked.OutputType().IsExactType(cel.DynType) && (known == nil || element(known).Kind() == reflect.Bool && !isList(known))
}

// matches is false for events of types that the expression does not name.
func (c *celExpression) matches(e *event.Event) bool {
	variables, err := c.values(reflect.ValueOf(e).Elem())
	if err != nil {
		c.trouble.reportOnce(err)
		return false
	}
	if variables == nil {
		return false
	}
	result, _, err := c.program.Eval(variables)
	if err != nil {
		c.trouble.reportOnce(err)
		return false
	}
	matched, is := result.Value().(bool)
	if !is {
		c.trouble.reportOnce(fmt.Errorf("is neither true nor false but %s", result.Type().TypeName()))
	}
	return matched
}

// values are the variables for an event, nil if it is of a type that the expression does not name.
func (c *celExpression) values(e reflect.Value) (variables map[string]any, err error) {
	for name, b := range c.about {
		if e.Field(b.index).IsNil() {
			continue
		}
		variables = maps.Clone(c.variables)
		if variables[name], err = asJSON(e.Field(b.index).Interface()); err != nil {
			return nil, err
		}
		for _, beside := range c.beside {
			if value := e.Field(beside.index); !value.IsZero() {
				if variables[beside.name], err = asJSON(value.Interface()); err != nil {
					return nil, err
				}
			}
		}
	}
	return variables, nil
}

// asJSON is a value as its JSON has it; integers stay integers.
func asJSON(value any) (data any, err error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	return data, utiljson.Unmarshal(text, &data)
}
