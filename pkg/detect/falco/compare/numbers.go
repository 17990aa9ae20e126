// SPDX-License-Identifier: Apache-2.0

package compare

import (
	"fmt"
	"math/big"
	"slices"
	"strconv"
)

// ParseNumber reads a decimal number: 5000000000, -1, 5e9, 12.0. What is no whole number of 64 bits is an error.
func ParseNumber(text string) (int64, error) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, nil
	}
	if len(text) <= longestNumber && decimal(text) {
		if r, ok := new(big.Rat).SetString(text); ok && r.IsInt() && r.Num().IsInt64() {
			return r.Num().Int64(), nil
		}
	}
	return 0, fmt.Errorf("%q is no decimal whole number", text)
}

// longestNumber in bytes; with it an exponent has few digits.
const longestNumber = 24

// decimal says whether a text has the form of a number with a fraction or an exponent of at most two digits.
func decimal(text string) bool {
	for i := range len(text) {
		switch c := text[i]; {
		case '0' <= c && c <= '9', c == '.', c == '+', c == '-':
		case c == 'e' || c == 'E':
			if len(text)-i > len("e+99") {
				return false
			}
		default:
			return false
		}
	}
	return true
}

func numbers(s Subject, operator string, values []string) (func(*Value) bool, error) {
	parsed := make([]int64, len(values))
	for i, value := range values {
		n, err := ParseNumber(value)
		if err != nil {
			return nil, &TypeError{i, fmt.Sprintf("%s is a number: %v", s.Name, err)}
		}
		parsed[i] = n
	}
	if operator == "in" || operator == "intersects" {
		slices.Sort(parsed)
		return func(v *Value) bool {
			_, found := slices.BinarySearch(parsed, v.Number)
			return found
		}, nil
	}
	ordered := order(operator)
	want := parsed[0]
	return func(v *Value) bool { return ordered(v.Number, want) }, nil
}

// order is the function of an operator on numbers.
func order(operator string) func(a, b int64) bool {
	switch operator {
	case "=":
		return func(a, b int64) bool { return a == b }
	case "!=":
		return func(a, b int64) bool { return a != b }
	case "<":
		return func(a, b int64) bool { return a < b }
	case "<=":
		return func(a, b int64) bool { return a <= b }
	case ">":
		return func(a, b int64) bool { return a > b }
	}
	return func(a, b int64) bool { return a >= b }
}

func booleans(s Subject, operator string, values []string) (func(*Value) bool, error) {
	var wanted [2]bool // false, true
	for i, value := range values {
		switch value {
		case "true":
			wanted[1] = true
		case "false":
			wanted[0] = true
		default:
			return nil, &TypeError{i, fmt.Sprintf("%s is true or false, not %q", s.Name, value)}
		}
	}
	return func(v *Value) bool { return wanted[v.Number&1] != (operator == "!=") }, nil
}

// highestPort there is.
const highestPort = 1<<16 - 1

func ports(s Subject, operator string, values []string, options Options) (func(*Value) bool, error) {
	wanted := make([]int64, len(values))
	for i, value := range values {
		n, err := ParseNumber(value)
		if err == nil && (n < 0 || n > highestPort) {
			return nil, &TypeError{i, fmt.Sprintf("%s is a port: %q is greater than %d or negative", s.Name, value, highestPort)}
		}
		if err != nil {
			if options.Port == nil {
				return nil, &TypeError{i, fmt.Sprintf("%s is a port: %v", s.Name, err)}
			}
			port, ok := options.Port(value)
			if !ok {
				return nil, &TypeError{i, fmt.Sprintf("%s is a port: %q is neither a number nor the name of a service", s.Name, value)}
			}
			n = int64(port)
		}
		wanted[i] = n
	}
	switch operator {
	case "in", "intersects":
		slices.Sort(wanted)
		return anyPort(func(port int64) bool {
			_, found := slices.BinarySearch(wanted, port)
			return found
		}), nil
	case "!=":
		equal := anyPort(func(port int64) bool { return port == wanted[0] })
		return func(v *Value) bool { return !equal(v) }, nil
	}
	ordered := order(operator)
	return anyPort(func(port int64) bool { return ordered(port, wanted[0]) }), nil
}

// anyPort holds if one of the ends does.
func anyPort(holds func(port int64) bool) func(*Value) bool {
	return func(v *Value) bool {
		for _, port := range v.Ports[:v.Ends] {
			if holds(int64(port)) {
				return true
			}
		}
		return false
	}
}
