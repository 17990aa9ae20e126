// SPDX-License-Identifier: Apache-2.0

package library

import (
	"errors"
	"fmt"
	"net/netip"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/ext"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/nearest"
)

// costLimit of one expression on one event, in CEL's units: about 10 ms. What needs more is no match, and is said.
const costLimit = 100_000

// expression is a compiled one. A nil one is true.
type expression struct {
	text    string
	program cel.Program
}

func (e *expression) String() string {
	if e == nil {
		return ""
	}
	return e.text
}

// variables of expressions by name.
var variables = map[string]reflect.Type{
	"process": reflect.TypeFor[Process](), "previous": reflect.TypeFor[Process](), "parent": reflect.TypeFor[Process](), "ancestors": reflect.TypeFor[[]*Process](),
	"file": reflect.TypeFor[File](), "net": reflect.TypeFor[Net](), "call": reflect.TypeFor[Call](), "pod": reflect.TypeFor[Pod](), "kind": reflect.TypeFor[string](),
	"noted": reflect.TypeFor[string](),
}

// typeOf is how CEL knows a type.
func typeOf(t reflect.Type) *cel.Type {
	switch t.Kind() {
	case reflect.String:
		return cel.StringType
	case reflect.Slice:
		return cel.ListType(typeOf(t.Elem()))
	case reflect.Pointer:
		return typeOf(t.Elem())
	default:
		return cel.ObjectType("library." + t.Name())
	}
}

// environment declares what expressions may name. It is made once: it takes a millisecond.
var environment = sync.OnceValues(func() (*cel.Env, error) {
	options := []cel.EnvOption{
		ext.NativeTypes(ext.ParseStructTags(true), reflect.TypeFor[Process](), reflect.TypeFor[File](), reflect.TypeFor[Net](), reflect.TypeFor[Call](), reflect.TypeFor[Pod]()),
		cel.Function("runs", cel.MemberOverload("process_runs", []*cel.Type{typeOf(reflect.TypeFor[Process]()), cel.ListType(cel.StringType)}, cel.BoolType, cel.BinaryBinding(runs))),
		cel.Function("below", cel.MemberOverload("string_below", []*cel.Type{cel.StringType, cel.ListType(cel.StringType)}, cel.BoolType, cel.BinaryBinding(below))),
		cel.Function("base", cel.MemberOverload("string_base", []*cel.Type{cel.StringType}, cel.StringType, cel.UnaryBinding(base))),
		cel.Function("bits", cel.Overload("bits_int_int", []*cel.Type{cel.IntType, cel.IntType}, cel.BoolType, cel.BinaryBinding(bits))),
		cel.Function("public", cel.Overload("public_string", []*cel.Type{cel.StringType}, cel.BoolType, cel.UnaryBinding(public))),
	}
	for name, t := range variables {
		options = append(options, cel.Variable(name, typeOf(t)))
	}
	for _, l := range lists {
		options = append(options, cel.Constant(l.name, cel.ListType(cel.StringType), types.NewStringList(types.DefaultTypeAdapter, l.values)))
	}
	return cel.NewEnv(options...)
})

// textsOf are the elements of a list of texts; those of constants are there as they are, and are asked for with each event.
func textsOf(list ref.Val) []string {
	if all, is := list.Value().([]string); is {
		return all
	}
	elements, is := list.Value().([]ref.Val)
	if !is {
		all, _ := list.ConvertToNative(reflect.TypeFor[[]string]())
		converted, _ := all.([]string)
		return converted
	}
	all := make([]string, 0, len(elements))
	for _, element := range elements {
		if text, is := element.Value().(string); is {
			all = append(all, text)
		}
	}
	return all
}

// runs is PROCESS.runs([NAME…]).
func runs(process, names ref.Val) ref.Val {
	switch p := process.Value().(type) {
	case *Process:
		return types.Bool(p.runs(textsOf(names)))
	case Process:
		return types.Bool(p.runs(textsOf(names)))
	}
	return types.NewErr("runs is of processes")
}

// below is PATH.below([DIRECTORY/…]): the path begins with one of these.
func below(of, directories ref.Val) ref.Val {
	text, _ := of.Value().(string)
	return types.Bool(slices.ContainsFunc(textsOf(directories), func(directory string) bool { return strings.HasPrefix(text, directory) }))
}

// base is PATH.base(): the last part.
func base(of ref.Val) ref.Val {
	text, _ := of.Value().(string)
	return types.String(path.Base(text))
}

// bits is bits(NUMBER, MASK): they have a bit in common.
func bits(number, mask ref.Val) ref.Val {
	a, _ := number.Value().(int64)
	b, _ := mask.Value().(int64)
	return types.Bool(a&b != 0)
}

// reserved are addresses that nobody has on the internet, besides those that netip knows (IANA's special-purpose registries).
var reserved = []netip.Prefix{netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"), netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("240.0.0.0/4")}

// public is public(ADDRESS): an address of the internet.
func public(of ref.Val) ref.Val {
	text, _ := of.Value().(string)
	address, err := netip.ParseAddr(text)
	address = address.Unmap()
	return types.Bool(err == nil && address.IsGlobalUnicast() && !address.IsPrivate() &&
		!slices.ContainsFunc(reserved, func(p netip.Prefix) bool { return p.Contains(address) }))
}

// compile reads an expression whose value is of one of the kinds. The error has line and column in the text, from 1.
func compile(text string, kinds ...types.Kind) (*expression, int, int, error) {
	env, err := environment()
	if err != nil {
		return nil, 1, 1, fmt.Errorf("a bug in this program: %w", err)
	}
	checked, issues := env.Compile(text)
	if issues.Err() != nil {
		first := issues.Errors()[0]
		return nil, first.Location.Line(), first.Location.Column() + 1, compileError(first.Message)
	}
	if kind := checked.OutputType().Kind(); !slices.Contains(kinds, kind) {
		return nil, 1, 1, fmt.Errorf("is of type %s, want %s", checked.OutputType(), kindWords(kinds))
	}
	program, err := env.Program(checked, cel.CostLimit(costLimit), cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, 1, 1, err
	}
	return &expression{strings.TrimSpace(text), program}, 0, 0, nil
}

func kindWords(kinds []types.Kind) string {
	words := map[types.Kind]string{types.BoolKind: "true or false", types.StringKind: "a text", types.IntKind: "a number"}
	var all []string
	for _, k := range kinds {
		all = append(all, words[k])
	}
	return strings.Join(all, " or ")
}

var (
	undeclared = regexp.MustCompile(`undeclared reference to '(\w+)'`)
	noField    = regexp.MustCompile(`undefined field '(\w+)'`)
)

// compileError adds what was probably meant.
func compileError(message string) error {
	message, _, _ = strings.Cut(message, " expecting ") // a list of all tokens of the language
	message = strings.TrimSuffix(message, " (in container '')")
	if unknown := undeclared.FindStringSubmatch(message); unknown != nil {
		return errors.New(message + nearest.DidYouMean(unknown[1], variableNames()))
	}
	if unknown := noField.FindStringSubmatch(message); unknown != nil {
		return errors.New(message + nearest.DidYouMean(unknown[1], fieldNames()))
	}
	return errors.New(message)
}

// variableNames are all that an expression may begin with.
func variableNames() (names []string) {
	for name := range variables {
		names = append(names, name)
	}
	for _, l := range lists {
		names = append(names, l.name)
	}
	slices.Sort(names)
	return names
}

// fieldNames are those of all variables.
func fieldNames() (names []string) {
	for _, t := range variables {
		if t.Kind() != reflect.Struct {
			continue
		}
		for f := range t.Fields() {
			if name := f.Tag.Get("cel"); name != "-" {
				names = append(names, name)
			}
		}
	}
	return sortedOnce(names)
}

// holds says whether a condition is true of an event.
func (e *expression) holds(v *values) (bool, error) {
	if e == nil {
		return true, nil
	}
	result, _, err := e.program.Eval(v)
	if err != nil {
		return false, err
	}
	return result.Value() == true, nil
}

// value is what an expression comes to, as a text.
func (e *expression) value(v *values) (string, error) {
	result, _, err := e.program.Eval(v)
	if err != nil {
		return "", err
	}
	switch value := result.Value().(type) {
	case string:
		return value, nil
	case int64:
		return strconv.FormatInt(value, 10), nil
	case bool:
		return strconv.FormatBool(value), nil
	}
	return "", fmt.Errorf("%s is no text", result.Type().TypeName())
}
