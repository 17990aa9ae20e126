// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"reflect"
	"slices"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
)

// naming checks the names in an expression: CEL itself knows of the events only that they are maps.
type naming struct {
	// about are the types of events that are named, beside what is named of all events.
	about  map[string]body
	beside []body
	// types of the variables; those that the expression makes for the elements of lists are added.
	types map[string]reflect.Type
	all   map[string]body
	err   error
}

func newNaming() *naming {
	n := &naming{about: map[string]body{}, types: map[string]reflect.Type{}, all: map[string]body{}}
	for _, b := range bodies() {
		n.types[b.name], n.all[b.name] = b.kind, b
	}
	for _, b := range besideBody() {
		n.types[b.name] = b.kind
	}
	return n
}

// visit takes each part of an expression, what contains others first.
func (n *naming) visit(e ast.Expr) {
	switch e.Kind() {
	case ast.IdentKind:
		if b, is := n.all[e.AsIdent()]; is {
			n.about[b.name] = b
		}
		for _, b := range besideBody() {
			if b.name == e.AsIdent() && !slices.ContainsFunc(n.beside, func(have body) bool { return have.name == b.name }) {
				n.beside = append(n.beside, b)
			}
		}
	case ast.ComprehensionKind: // list.exists(x, …) and its like
		c := e.AsComprehension()
		if t := n.typeOf(c.IterRange()); t != nil && isList(t) && !c.HasIterVar2() {
			n.types[c.IterVar()] = t.Elem()
		} else {
			delete(n.types, c.IterVar())
		}
	case ast.SelectKind, ast.CallKind:
		n.typeOf(e)
	}
}

// typeOf is what a part of an expression is in the event, nil when that is not known. The first wrong name becomes err.
func (n *naming) typeOf(e ast.Expr) reflect.Type {
	switch e.Kind() {
	case ast.IdentKind:
		return n.types[e.AsIdent()]
	case ast.SelectKind:
		s := e.AsSelect()
		t := n.typeOf(s.Operand())
		if t == nil {
			return nil
		}
		if found := n.memberOf(t, s.Operand(), s.FieldName()); !s.IsTestOnly() {
			return found
		}
		return reflect.TypeFor[bool]()
	case ast.CallKind:
		if c := e.AsCall(); c.FunctionName() == operators.Index {
			return n.indexed(c.Args()[0], c.Args()[1])
		}
	}
	return nil
}

// indexed is the type of list[…] or object["name"].
func (n *naming) indexed(of, index ast.Expr) reflect.Type {
	t := n.typeOf(of)
	if t == nil {
		return nil
	}
	if isList(t) {
		return t.Elem()
	}
	if name, is := constantText(index); is {
		return n.memberOf(t, of, name)
	}
	return nil
}

func constantText(e ast.Expr) (string, bool) {
	if e.Kind() != ast.LiteralKind {
		return "", false
	}
	text, is := e.AsLiteral().(types.String)
	return string(text), is
}

func (n *naming) memberOf(t reflect.Type, of ast.Expr, name string) reflect.Type {
	found, err := member(t, written(of), name)
	if err != nil && n.err == nil {
		n.err = err
	}
	return found
}

// written is a part of an expression as the user may have written it.
func written(e ast.Expr) string {
	switch e.Kind() {
	case ast.IdentKind:
		return e.AsIdent()
	case ast.SelectKind:
		return written(e.AsSelect().Operand()) + "." + e.AsSelect().FieldName()
	case ast.CallKind:
		if c := e.AsCall(); c.FunctionName() == operators.Index {
			return written(c.Args()[0]) + "[…]"
		}
	}
	return "…"
}
