// SPDX-License-Identifier: Apache-2.0

package rulefile

import "github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/condition"

// use finds out what no rule, macro or list names.
func (s *Set) use() {
	for _, macro := range s.Macros {
		s.walk(macro.Parsed)
	}
	for _, rule := range s.Rules {
		s.walk(rule.Parsed)
		for _, exception := range rule.Exceptions {
			s.useExceptions(exception)
		}
	}
	for _, list := range s.Lists {
		s.expand(list, nil)
	}
	for _, macro := range s.Macros {
		if !macro.used {
			s.add(UnusedMacro, macro.Place, "macro", macro.Name, "macro not referred to by any other rule/macro")
		}
	}
	for _, list := range s.Lists {
		if !list.used {
			s.add(UnusedList, list.Place, "list", list.Name, "list not referred to by any other rule/macro/list")
		}
	}
}

func (s *Set) useExceptions(exception Exception) {
	for _, tuple := range exception.Values {
		for _, operand := range tuple.Operands {
			for _, text := range operand.Texts {
				if list := s.lists[text]; list != nil {
					list.used = true
				}
			}
		}
	}
}

// walk marks the macros and lists that a condition names.
func (s *Set) walk(e condition.Expression) {
	switch e := e.(type) {
	case *condition.And:
		for _, term := range e.Terms {
			s.walk(term)
		}
	case *condition.Or:
		for _, term := range e.Terms {
			s.walk(term)
		}
	case *condition.Not:
		s.walk(e.Term)
	case *condition.Macro:
		if macro := s.macros[e.Name]; macro != nil {
			macro.used = true
		}
	case *condition.Check:
		for _, value := range e.Values {
			if list := s.lists[value.Text]; list != nil && !value.Quoted {
				list.used = true
			}
		}
	}
}

// Strict drops all rules if there is an error, as Falco does. It says whether it did.
func (s *Set) Strict() bool {
	if len(s.Problems.Errors()) == 0 {
		return false
	}
	s.Rules, s.rules = nil, map[string]*Rule{}
	return true
}

// Broken says whether a list's items can't all be read.
func (s *Set) Broken(list *List) bool {
	s.expand(list, nil)
	return list.broken
}
