// SPDX-License-Identifier: Apache-2.0

package layout

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cilium/ebpf/btf"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// Prefixes of the names under which the kernel's type information has what is no plain function.
const (
	// lsmPrefix of the function to which BPF programs of an LSM hook attach.
	lsmPrefix = "bpf_lsm_"
	// tracepointPrefix of the typedef of a tracepoint's prototype, whose first argument is void *.
	tracepointPrefix = "btf_trace_"
	// iteratorPrefix of the function that calls a tracepoint's programs. It has the arguments' names, the typedef has not.
	iteratorPrefix = "__traceiter_"
)

// Parameter is the type of a kernel function's argument; index counts from 0.
//
// An error wraps btf.ErrNotFound if the kernel has no type information about the function: it may be in a module, be inlined
// everywhere, or be hidden behind several functions of its name.
func Parameter(spec *btf.Spec, function string, index int) (btf.Type, error) {
	proto, err := prototype(spec, function)
	if err != nil {
		return nil, fmt.Errorf("function %s: %w", function, err)
	}
	return parameter("function "+function, proto.Params, index)
}

// Result is the type of what a kernel function returns; errors are as those of Parameter, and one for a function that
// returns nothing.
func Result(spec *btf.Spec, function string) (btf.Type, error) {
	proto, err := prototype(spec, function)
	if err != nil {
		return nil, fmt.Errorf("function %s: %w", function, err)
	}
	if _, nothing := btf.UnderlyingType(proto.Return).(*btf.Void); nothing {
		return nil, fmt.Errorf("function %s returns nothing", function)
	}
	return proto.Return, nil
}

// LSMParameter is the type of an argument of an LSM hook, whose name is without bpf_lsm_.
func LSMParameter(spec *btf.Spec, hook string, index int) (btf.Type, error) {
	proto, err := prototype(spec, lsmPrefix+hook)
	if err != nil {
		if errors.Is(err, btf.ErrNotFound) {
			return nil, fmt.Errorf("LSM hook %s: %w%s", hook, btf.ErrNotFound, policy.DidYouMean(hook, functionNames(spec, lsmPrefix)))
		}
		return nil, fmt.Errorf("LSM hook %s: %w", hook, err)
	}
	return parameter("LSM hook "+hook, proto.Params, index)
}

// TracepointParameter is the type of an argument of a raw tracepoint: of its prototype in the kernel's source, TP_PROTO.
func TracepointParameter(spec *btf.Spec, event string, index int) (btf.Type, error) {
	what := "tracepoint " + event
	var typedef *btf.Typedef
	if err := spec.TypeByName(tracepointPrefix+event, &typedef); err != nil {
		if errors.Is(err, btf.ErrNotFound) {
			return nil, fmt.Errorf("%s: %w%s", what, btf.ErrNotFound, policy.DidYouMean(event, typedefNames(spec, tracepointPrefix)))
		}
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	pointer, ok := btf.As[*btf.Pointer](typedef)
	if !ok {
		return nil, fmt.Errorf("%s: %s is no pointer to a function", what, typedef.Name)
	}
	proto, ok := pointer.Target.(*btf.FuncProto)
	if !ok || len(proto.Params) == 0 {
		return nil, fmt.Errorf("%s: %s is no pointer to a function with arguments", what, typedef.Name)
	}
	params := proto.Params[1:]
	if iterator, err := prototype(spec, iteratorPrefix+event); err == nil && len(iterator.Params) == len(proto.Params) {
		params = iterator.Params[1:]
	}
	return parameter(what, params, index)
}

// prototype of a function. The kernel's type information leaves out functions whose name several have that differ.
func prototype(spec *btf.Spec, function string) (*btf.FuncProto, error) {
	var f *btf.Func
	if err := spec.TypeByName(function, &f); err != nil {
		if errors.Is(err, btf.ErrNotFound) {
			return nil, fmt.Errorf("type information: %w", btf.ErrNotFound)
		}
		return nil, err
	}
	proto, ok := f.Type.(*btf.FuncProto)
	if !ok {
		return nil, fmt.Errorf("type information: it has no prototype")
	}
	return proto, nil
}

func parameter(what string, params []btf.FuncParam, index int) (btf.Type, error) {
	// The last of a variadic function has no type.
	if n := len(params); n > 0 {
		if _, void := params[n-1].Type.(*btf.Void); void && params[n-1].Name == "" {
			params = params[:n-1]
		}
	}
	if index >= 0 && index < len(params) {
		return params[index].Type, nil
	}
	if len(params) == 0 {
		return nil, fmt.Errorf("%s has no arguments, so none with index %d", what, index)
	}
	list := make([]string, len(params))
	for i, p := range params {
		list[i] = fmt.Sprintf("%d: %s", i, declaration(p))
	}
	if len(list) == 1 {
		return nil, fmt.Errorf("%s has no argument %d, only one (%s)", what, index, list[0])
	}
	return nil, fmt.Errorf("%s has no argument %d, only %d (%s)", what, index, len(list), strings.Join(list, ", "))
}

func declaration(p btf.FuncParam) string {
	name := TypeName(p.Type)
	if p.Name == "" {
		return name
	}
	if strings.HasSuffix(name, "*") {
		return name + p.Name
	}
	return name + " " + p.Name
}

func functionNames(spec *btf.Spec, prefix string) []string {
	return namesOf(spec, prefix, func(t btf.Type) bool { _, ok := t.(*btf.Func); return ok })
}

func typedefNames(spec *btf.Spec, prefix string) []string {
	return namesOf(spec, prefix, func(t btf.Type) bool { _, ok := t.(*btf.Typedef); return ok })
}

// namesOf are the names of types that begin with the prefix, without it.
func namesOf(spec *btf.Spec, prefix string, wanted func(btf.Type) bool) (names []string) {
	for t, err := range spec.All() {
		if err != nil {
			return nil
		}
		if name, ok := strings.CutPrefix(t.TypeName(), prefix); ok && wanted(t) {
			names = append(names, name)
		}
	}
	return names
}
