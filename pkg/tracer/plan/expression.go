// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plan

import (
	"fmt"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// expressionDepth is how many numbers an expression can have at hand, EXPRESSION_DEPTH of bpf/hook_scratch.h.
const expressionDepth = 64

// operations by how policy.Expression has them: what they do, and what is done with the result.
var operations = map[string]struct {
	operation bpf.HookExpressionOperation
	// swapped: the second operand goes first; negated: what comes out is turned around.
	swapped, negated bool
}{
	"+": {operation: bpf.HookExpressionOperationOPERATION_ADD}, "-": {operation: bpf.HookExpressionOperationOPERATION_SUBTRACT},
	"&": {operation: bpf.HookExpressionOperationOPERATION_AND}, "|": {operation: bpf.HookExpressionOperationOPERATION_OR},
	"^": {operation: bpf.HookExpressionOperationOPERATION_XOR}, "~": {operation: bpf.HookExpressionOperationOPERATION_COMPLEMENT},
	"&&": {operation: bpf.HookExpressionOperationOPERATION_AND}, "||": {operation: bpf.HookExpressionOperationOPERATION_OR},
	"!":  {operation: bpf.HookExpressionOperationOPERATION_NOT},
	"==": {operation: bpf.HookExpressionOperationOPERATION_EQUAL}, "!=": {operation: bpf.HookExpressionOperationOPERATION_EQUAL, negated: true},
	"<": {operation: bpf.HookExpressionOperationOPERATION_LESS}, ">=": {operation: bpf.HookExpressionOperationOPERATION_LESS, negated: true},
	">": {operation: bpf.HookExpressionOperationOPERATION_LESS, swapped: true}, "<=": {operation: bpf.HookExpressionOperationOPERATION_LESS, swapped: true, negated: true},
}

// expression compiles a CelExpr to operations on a stack.
func (c *compiler) expression(f policy.ArgumentFilter, role Role) (bpf.HookHookFilter, error) {
	e := &expressionCompiler{compiler: c, role: role}
	if err := e.compile(f.Expression); err != nil {
		return bpf.HookHookFilter{}, err
	}
	if e.deepest > expressionDepth {
		return bpf.HookHookFilter{}, fmt.Errorf("%s: the expression needs %d numbers at hand, there is room for %d", f.Operator, e.deepest, expressionDepth)
	}
	out := bpf.HookHookFilter{
		Subject: uint8(bpf.HookFilterSubjectSUBJECT_EXPRESSION), Match: uint8(bpf.HookFilterMatchMATCH_RANGE),
		First: c.operands(e.words...), Count: uint32(len(e.words) / 2), Flags: cheap,
	}
	if e.atReturn {
		out.Flags = atReturn
	}
	if f.Negated {
		out.Flags |= negated
	}
	return out, nil
}

// expressionCompiler writes operations in the order in which a stack needs them.
type expressionCompiler struct {
	*compiler
	// role of the arguments.
	role           Role
	words          []uint64
	depth, deepest int
	atReturn       bool
}

func (e *expressionCompiler) add(operation bpf.HookExpressionOperation, value uint64, grows int) {
	e.words = append(e.words, uint64(operation), value)
	e.depth += grows
	e.deepest = max(e.deepest, e.depth)
}

func (e *expressionCompiler) compile(x *policy.Expression) error {
	switch x.Op {
	case "const":
		e.add(bpf.HookExpressionOperationOPERATION_CONSTANT, uint64(x.Value), 1)
		return nil
	case "arg":
		place := e.place(e.role, x.Argument)
		e.atReturn = e.atReturn || e.def.Arguments[place].Flags&uint8(bpf.HookArgumentFlagsARGUMENT_AT_RETURN) != 0
		e.add(bpf.HookExpressionOperationOPERATION_ARGUMENT, uint64(place), 1)
		return nil
	}
	operands := x.Operands
	row, known := operations[x.Op]
	if row.swapped {
		operands = []*policy.Expression{operands[1], operands[0]}
	}
	for _, operand := range operands {
		if err := e.compile(operand); err != nil {
			return err
		}
	}
	switch {
	case x.Op == "int32":
		e.add(bpf.HookExpressionOperationOPERATION_CUT_SIGNED, 32, 0)
	case x.Op == "uint32":
		e.add(bpf.HookExpressionOperationOPERATION_CUT_UNSIGNED, 32, 0)
	case !known:
		return fmt.Errorf("expression: operation %s has no form in the kernel; please report this", x.Op)
	default:
		e.operation(x, row.operation, row.negated)
	}
	return nil
}

// operation adds one and brings its result to the type that it has.
func (e *expressionCompiler) operation(x *policy.Expression, operation bpf.HookExpressionOperation, negated bool) {
	var value uint64
	if operation == bpf.HookExpressionOperationOPERATION_LESS && x.Operands[0].Signed {
		value = 1 << 63
	}
	e.add(operation, value, 1-len(x.Operands))
	if negated {
		e.add(bpf.HookExpressionOperationOPERATION_NOT, 0, 0)
	}
	if x.Boolean || x.Bits == 0 || x.Bits == 64 {
		return
	}
	cut := bpf.HookExpressionOperationOPERATION_CUT_UNSIGNED
	if x.Signed {
		cut = bpf.HookExpressionOperationOPERATION_CUT_SIGNED
	}
	e.add(cut, uint64(64-x.Bits), 0)
}
