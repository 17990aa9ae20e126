// SPDX-License-Identifier: Apache-2.0

package logic

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/compare"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/condition"
)

// atoms makes comparisons that are all different.
func atoms(t *testing.T, b *Builder, n int) (list []*Expression) {
	t.Helper()
	for i := range n {
		e, err := condition.Parse(fmt.Sprintf("proc.name = a%d", i))
		if err != nil {
			t.Fatal(err)
		}
		check := e.(*condition.Check)
		atom, wrong := b.atom(check, check.Values, nil)
		if wrong != nil {
			t.Fatal(wrong)
		}
		list = append(list, atom)
	}
	return list
}

// truth evaluates an expression; the atoms are true by the bits of a number.
func truth(e *Expression, bits int) bool {
	switch e.Kind {
	case Never, Always:
		return e.Kind == Always
	case Not:
		return !truth(e.Terms[0], bits)
	case IsAtom:
		return bits>>e.Atom.ID&1 != 0
	}
	for _, term := range e.Terms {
		if truth(term, bits) == (e.Kind == Or) {
			return e.Kind == Or
		}
	}
	return e.Kind == And
}

// What is built has the same truth table as what it is built of, and so has the form with negations at the atoms.
func TestTruthTables(t *testing.T) {
	b := NewBuilder(compare.Options{})
	list := atoms(t, b, 4)
	random := rand.New(rand.NewPCG(3, 4))
	pool := append([]*Expression{b.Constant(true), b.Constant(false)}, list...)
	for range 3000 {
		x, y, z := pool[random.IntN(len(pool))], pool[random.IntN(len(pool))], pool[random.IntN(len(pool))]
		and, or, not := b.And(x, y, z), b.Or(x, y, z), b.Not(x)
		for bits := range 1 << len(list) {
			if truth(and, bits) != (truth(x, bits) && truth(y, bits) && truth(z, bits)) || truth(or, bits) != (truth(x, bits) || truth(y, bits) || truth(z, bits)) ||
				truth(not, bits) == truth(x, bits) {
				t.Fatalf("%s, %s, %s: and %s, or %s, not %s", x, y, z, and, or, not)
			}
			for _, e := range []*Expression{and, or, not} {
				if positive := b.Positive(e); truth(positive, bits) != truth(e, bits) {
					t.Fatalf("%s: positive %s", e, positive)
				}
			}
		}
		if len(pool) < 200 {
			pool = append(pool, and, or, not)
		}
		checkPositive(t, b.Positive(b.Not(or)))
	}
}

// checkPositive looks for a negation that is not at an atom.
func checkPositive(t *testing.T, e *Expression) {
	t.Helper()
	if e.Kind == Not && e.Terms[0].Kind != IsAtom {
		t.Fatalf("%s has a negation inside", e)
	}
	for _, term := range e.Terms {
		checkPositive(t, term)
	}
}

// What is equal is there once.
func TestInterned(t *testing.T) {
	b := NewBuilder(compare.Options{})
	list := atoms(t, b, 3)
	if b.And(list[0], list[1], list[2]) != b.And(list[2], b.And(list[1], list[0], list[1])) {
		t.Error("the same terms are two expressions")
	}
	if e := b.Not(b.Not(list[0])); e != list[0] {
		t.Errorf("not not x is %s", e)
	}
	if atoms(t, b, 1)[0] != list[0] {
		t.Error("the same comparison is two atoms")
	}
}
