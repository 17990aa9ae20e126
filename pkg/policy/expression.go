// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math/bits"
	"regexp"
	"strconv"
	"strings"
)

// Expression is a checked CelExpr as a tree: an operation on operands, an argument or a constant.
type Expression struct {
	// Op is + - && || ! == != < <= > >= & | ^ ~ (and, or, xor, not of the language), int32, uint32, arg or const.
	Op       string
	Operands []*Expression
	// Argument is the place in the hook's Args (or Data) of an arg.
	Argument int
	// Value of a const, sign-extended; of an unsigned one its bits.
	Value int64
	// Boolean result; else a number of Bits, Signed or not. Bits is 0 for a constant that only constants are beside.
	Boolean, Signed bool
	Bits            int
}

// Limits of expressions: how long a text and how deep a tree is compiled.
const (
	longestExpression = 1024
	deepestExpression = 32
)

// binaryOperators by what their operands and result are.
var binaryOperators = map[token.Token]struct{ booleans, compares bool }{
	token.ADD: {}, token.SUB: {},
	token.LAND: {booleans: true}, token.LOR: {booleans: true},
	token.EQL: {compares: true}, token.NEQ: {compares: true}, token.LSS: {compares: true},
	token.LEQ: {compares: true}, token.GTR: {compares: true}, token.GEQ: {compares: true},
}

// functions of the language that work on bits, with the number of their operands.
var bitFunctions = map[string]struct {
	op       string
	operands int
}{"and": {"&", 2}, "or": {"|", 2}, "xor": {"^", 2}, "not": {"~", 1}}

// conversions by name.
var conversions = map[string]bool{"int32": true, "uint32": false}

// Numbers of CEL (github.com/google/cel-spec, doc/langdef.md): decimal or hexadecimal, the unsigned ones with a u behind them.
var (
	unsignedNumber = regexp.MustCompile(`\b(0[xX][0-9a-fA-F]+|[0-9]+)[uU]\b`)
	celNumber      = regexp.MustCompile(`^(0|[1-9][0-9]*|0[xX][0-9a-fA-F]+)$`)
	unsignedCall   = regexp.MustCompile(`\b` + unsigned + `\b`)
)

// unsigned is how Go's parser is told that a number has a u behind it; the language has no function of that name.
const unsigned = "uint"

// parseExpression reads a CelExpr. Its grammar is a part of Go's but for unsigned numbers, so Go's parser reads it: CEL's own would make
// the tracer, which is sent to nodes, a fifth larger. What the language does not have is refused here. Places are those of arg0, arg1 and
// so on in args.
func parseExpression(text string, args []Argument, places []int) (*Expression, error) {
	if len(text) > longestExpression {
		return nil, fmt.Errorf("the expression has %d bytes, at most %d", len(text), longestExpression)
	}
	if unsignedCall.MatchString(text) {
		return nil, fmt.Errorf("unknown function %s: write 42u", unsigned)
	}
	tree, err := parser.ParseExpr(unsignedNumber.ReplaceAllString(text, unsigned+"($1)"))
	if err != nil {
		return nil, fmt.Errorf("%s is not an expression: %w", shown(text), err)
	}
	c := expressionChecker{args, places}
	e, err := c.check(tree, 0)
	if err == nil && !e.Boolean {
		err = fmt.Errorf("the expression is a number; compare it with something: it has to be true or false")
	}
	return e, err
}

type expressionChecker struct {
	args   []Argument
	places []int
}

func (c expressionChecker) check(node ast.Expr, depth int) (*Expression, error) {
	if depth > deepestExpression {
		return nil, fmt.Errorf("the expression is nested more than %d deep", deepestExpression)
	}
	switch node := node.(type) {
	case *ast.ParenExpr:
		return c.check(node.X, depth+1)
	case *ast.BasicLit:
		return constant(node)
	case *ast.Ident:
		return c.name(node.Name)
	case *ast.UnaryExpr:
		return c.unary(node, depth)
	case *ast.BinaryExpr:
		return c.binary(node, depth)
	case *ast.CallExpr:
		return c.call(node, depth)
	}
	return nil, fmt.Errorf("the language has only + - && || ! == != < <= > >=, int32 uint32 and or xor not, arguments and numbers")
}

func constant(node *ast.BasicLit) (*Expression, error) {
	if node.Kind == token.INT && !celNumber.MatchString(node.Value) {
		return nil, fmt.Errorf("%s is no number of the language: it is decimal, without zeros before it, or hexadecimal", shown(node.Value))
	}
	n, err := strconv.ParseInt(node.Value, 0, 64)
	if node.Kind != token.INT || err != nil {
		return nil, fmt.Errorf("%s is not a number of 64 bits", shown(node.Value))
	}
	return &Expression{Op: "const", Value: n, Signed: true, Bits: 0}, nil
}

// unsignedConstant is a number with a u behind it.
func unsignedConstant(node *ast.CallExpr) (*Expression, error) {
	literal, ok := node.Args[0].(*ast.BasicLit)
	if !ok || !celNumber.MatchString(literal.Value) {
		return nil, fmt.Errorf("a number before u is decimal, without zeros before it, or hexadecimal")
	}
	n, err := strconv.ParseUint(literal.Value, 0, 64)
	if err != nil {
		return nil, fmt.Errorf("%su is not a number of 64 bits", literal.Value)
	}
	return &Expression{Op: "const", Value: int64(n)}, nil
}

// name is an argument, or a boolean constant.
func (c expressionChecker) name(name string) (*Expression, error) {
	if name == "true" || name == "false" {
		e := &Expression{Op: "const", Boolean: true}
		if name == "true" {
			e.Value = 1
		}
		return e, nil
	}
	n, err := strconv.Atoi(strings.TrimPrefix(name, "arg"))
	if !strings.HasPrefix(name, "arg") || err != nil || n < 0 || n >= len(c.places) {
		return nil, fmt.Errorf("unknown name %s: arguments are arg0 to arg%d, in the order of the filter's args (without it of the hook's)",
			name, len(c.places)-1)
	}
	place := c.places[n]
	t := c.args[place].Type
	if t.Class&(ClassNumber|ClassAuto) == 0 {
		return nil, fmt.Errorf("%s has type %s, expressions are about numbers", name, t)
	}
	if t.Class == ClassAuto {
		return nil, fmt.Errorf("%s has type auto: an expression needs to know it, give args[%d] a type", name, place)
	}
	return &Expression{Op: "arg", Argument: place, Signed: t.Signed, Bits: t.Bits}, nil
}

func (c expressionChecker) unary(node *ast.UnaryExpr, depth int) (*Expression, error) {
	x, err := c.check(node.X, depth+1)
	switch {
	case err != nil:
		return nil, err
	case node.Op == token.NOT && x.Boolean:
		return &Expression{Op: "!", Operands: []*Expression{x}, Boolean: true}, nil
	case node.Op == token.SUB && x.Op == "const" && x.Bits == 0 && !x.Signed && !x.Boolean:
		return nil, fmt.Errorf("an unsigned number has no minus")
	case node.Op == token.SUB && x.Op == "const" && !x.Boolean:
		x.Value = -x.Value
		return x, nil
	case node.Op == token.SUB && !x.Boolean:
		zero := &Expression{Op: "const", Signed: x.Signed, Bits: x.Bits}
		return &Expression{Op: "-", Operands: []*Expression{zero, x}, Signed: x.Signed, Bits: x.Bits}, nil
	}
	return nil, fmt.Errorf("%s does not fit what follows it", node.Op)
}

func (c expressionChecker) binary(node *ast.BinaryExpr, depth int) (*Expression, error) {
	kind, known := binaryOperators[node.Op]
	if !known {
		return nil, fmt.Errorf("unknown operator %s; for bits there are and() or() xor() not()", node.Op)
	}
	x, err := c.check(node.X, depth+1)
	if err != nil {
		return nil, err
	}
	y, err := c.check(node.Y, depth+1)
	if err != nil {
		return nil, err
	}
	equality := node.Op == token.EQL || node.Op == token.NEQ
	e := &Expression{Op: node.Op.String(), Operands: []*Expression{x, y}, Boolean: kind.booleans || kind.compares}
	switch {
	case x.Boolean != y.Boolean || kind.booleans != x.Boolean && !(equality && x.Boolean):
		return nil, fmt.Errorf("%s does not fit its operands: a number is no truth value", node.Op)
	case x.Boolean:
		return e, nil
	}
	if x.Op == "const" && y.Op == "const" && !kind.compares {
		return fold(node.Op, x, y)
	}
	bits, signed, err := common(x, y)
	if err == nil && !kind.compares {
		e.Bits, e.Signed = max(bits, 32), signed // as in C: a sum of bytes is no byte
	}
	return e, err
}

// common makes two numbers have one type: a constant takes that of the other side; int and uint don't mix by themselves, as
// nobody could say what -1 < 1u is.
func common(x, y *Expression) (bits int, signed bool, err error) {
	switch {
	case x.Op == "const" && y.Op != "const":
		err = adopt(x, y)
	case y.Op == "const" && x.Op != "const":
		err = adopt(y, x)
	case x.Signed != y.Signed:
		err = fmt.Errorf("a signed and an unsigned number: convert one with int32() or uint32()")
	}
	return max(x.Bits, y.Bits), x.Signed, err
}

// adopt gives a constant the type of the number beside it, if it fits: a byte is never 300.
func adopt(number, other *Expression) error {
	if !number.Signed && other.Signed {
		return fmt.Errorf("%du is compared with a signed number: leave out the u", uint64(number.Value))
	}
	t := &ArgumentType{Bits: other.Bits, Signed: other.Signed}
	low, high := limits(t)
	switch value := uint64(number.Value); {
	case !other.Signed && number.Value < 0:
		return fmt.Errorf("%d is compared with an unsigned number: convert that with int32()", number.Value)
	case less(t, value, low) || less(t, high, value):
		return fmt.Errorf("%d is compared with a number from %s to %s", number.Value, show(t, low), show(t, high))
	}
	number.Signed, number.Bits = other.Signed, other.Bits
	return nil
}

// fold computes a sum of constants.
func fold(op token.Token, x, y *Expression) (*Expression, error) {
	if x.Signed != y.Signed {
		return nil, fmt.Errorf("a signed and an unsigned number: write both with u, or both without")
	}
	if !x.Signed {
		return foldUnsigned(op, x, y)
	}
	sum, negative := x.Value+y.Value, y.Value < 0
	if op == token.SUB {
		sum, negative = x.Value-y.Value, y.Value > 0
	}
	if (sum < x.Value) != negative && sum != x.Value {
		return nil, fmt.Errorf("%d %s %d has more than 64 bits", x.Value, op, y.Value)
	}
	x.Value = sum
	return x, nil
}

func foldUnsigned(op token.Token, x, y *Expression) (*Expression, error) {
	sum, carry := bits.Add64(uint64(x.Value), uint64(y.Value), 0)
	if op == token.SUB {
		sum, carry = bits.Sub64(uint64(x.Value), uint64(y.Value), 0)
	}
	if carry != 0 {
		return nil, fmt.Errorf("%du %s %du is no unsigned number of 64 bits", uint64(x.Value), op, uint64(y.Value))
	}
	x.Value = int64(sum)
	return x, nil
}

func (c expressionChecker) call(node *ast.CallExpr, depth int) (*Expression, error) {
	name, _ := node.Fun.(*ast.Ident)
	if name == nil || node.Ellipsis.IsValid() {
		return nil, fmt.Errorf("functions are int32 uint32 and or xor not")
	}
	if name.Name == unsigned && len(node.Args) == 1 {
		return unsignedConstant(node)
	}
	signed, converts := conversions[name.Name]
	function, known := bitFunctions[name.Name]
	want := 1
	if known {
		want = function.operands
	}
	switch {
	case !known && !converts:
		return nil, fmt.Errorf("unknown function %s: there are int32 uint32 and or xor not", name.Name)
	case len(node.Args) != want:
		return nil, fmt.Errorf("%s takes %d, not %d", name.Name, want, len(node.Args))
	}
	e := &Expression{Op: function.op}
	for _, arg := range node.Args {
		x, err := c.check(arg, depth+1)
		if err != nil {
			return nil, err
		}
		if x.Boolean {
			return nil, fmt.Errorf("%s is about numbers", name.Name)
		}
		e.Operands = append(e.Operands, x)
	}
	if converts {
		e.Op, e.Signed, e.Bits = name.Name, signed, 32
		return e, nil
	}
	var err error
	e.Bits, e.Signed, err = common(e.Operands[0], e.Operands[want-1])
	return e, err
}
