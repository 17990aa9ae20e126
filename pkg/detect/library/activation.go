// SPDX-License-Identifier: Apache-2.0

package library

import (
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/interpreter"
)

// values are what expressions may name: interpreter.Activation.
var _ interpreter.Activation = (*values)(nil)

// Parent implements interpreter.Activation.
func (*values) Parent() interpreter.Activation { return nil }

// ResolveName implements interpreter.Activation: what is asked for is made once for an event.
func (v *values) ResolveName(name string) (any, bool) {
	if name == "noted" { // changes from rule to rule
		return types.String(v.noted), true
	}
	if value, made := v.made[name]; made {
		return value, true
	}
	env, err := environment()
	if err != nil {
		return nil, false
	}
	value := v.make(env.CELTypeAdapter(), name)
	if value == nil {
		return nil, false
	}
	if v.made == nil {
		v.made = map[string]ref.Val{}
	}
	v.made[name] = value
	return value, true
}

// make is a variable, nil if there is none of that name.
func (v *values) make(adapter types.Adapter, name string) ref.Val {
	switch name {
	case "kind":
		return types.String(kinds[v.kind].name)
	case "process":
		return v.subject.Process.inExpressions(adapter)
	case "previous":
		return v.subject.Previous.inExpressions(adapter)
	case "parent":
		if len(v.subject.Ancestors) == 0 {
			return adapter.NativeToValue(&Process{UID: -1})
		}
		return v.subject.Ancestors[0].inExpressions(adapter)
	case "ancestors":
		list := make([]ref.Val, len(v.subject.Ancestors))
		for i, ancestor := range v.subject.Ancestors {
			list[i] = ancestor.inExpressions(adapter)
		}
		return types.NewRefValList(adapter, list)
	case "file":
		return adapter.NativeToValue(&v.file)
	case "net":
		return adapter.NativeToValue(&v.net)
	case "call":
		return adapter.NativeToValue(&v.call)
	case "pod":
		return adapter.NativeToValue(&v.pod)
	}
	return nil
}

// inExpressions is a process as expressions have it.
func (p *Process) inExpressions(adapter types.Adapter) ref.Val {
	if p.value == nil {
		p.value = adapter.NativeToValue(p)
	}
	return p.value
}
