// SPDX-License-Identifier: Apache-2.0

//go:build linux

package program

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/layout"
)

// LocationKind is how a value is found.
type LocationKind uint8

// The kinds.
const (
	// Constant: Value.
	Constant LocationKind = iota
	// InRegister: the low Size bytes of Register.
	InRegister
	// InMemory: Size bytes of the process's memory at Register + Displacement + Index × Scale.
	InMemory
)

// Location of a USDT's argument.
type Location struct {
	Kind LocationKind
	// Size in bytes: 1, 2, 4 or 8. It may be more than a register's part has: then the rest is not told.
	Size   uint32
	Signed bool
	// Register has no Size where memory is addressed without one.
	Register layout.Register
	// Displacement in bytes.
	Displacement int64
	// Index has no Size if there is none. What is narrower than 8 bytes is extended: by its sign if IndexSigned, else by zeros.
	Index       layout.Register
	IndexSigned bool
	Scale       uint8
	// Value of a constant.
	Value int64
}

// errOperand: assemblers can write more than is known here.
var errOperand = errors.New("this kind of operand cannot be read")

// locationParser knows what an operand may refer to.
type locationParser struct {
	registers *layout.Registers
	// address of the probe.
	address uint64
	// symbol finds the address of data.
	symbol func(name string) (uint64, error)
}

// sized is what all operands begin with: the size in bytes, negative for a number with a sign, f for a floating-point one.
var sized = regexp.MustCompile(`^(-?)([1248])(f?)@(.+)$`)

// forms of an operand, by architecture. The first that matches is it.
type form struct {
	pattern *regexp.Regexp
	read    func(p *locationParser, match []string, l *Location) error
}

var forms = map[string][]form{
	// As GNU's assembler and compilers write it: section AT&T Syntax of its manual.
	"amd64": {
		{regexp.MustCompile(`^\$(-?\w+)$`), (*locationParser).constant},
		{regexp.MustCompile(`^%(\w+)$`), (*locationParser).register},
		{regexp.MustCompile(`^([A-Za-z_.$][\w.$]*)([+-]\w+)?\(%rip\)$`), (*locationParser).global},
		{regexp.MustCompile(`^([+-]?\w+)?\((?:%(\w+))?(?:,%(\w+)(?:,([1248]))?)?\)$`), (*locationParser).memory},
	},
	"arm64": {
		{regexp.MustCompile(`^#?(-?[0-9]\w*)$`), (*locationParser).constant},
		{regexp.MustCompile(`^(?:xzr|wzr)()$`), (*locationParser).zero},
		{regexp.MustCompile(`^([a-z]\w*)$`), (*locationParser).register},
		{regexp.MustCompile(`^\[([a-z]\w*)(?:, *#?(-?\w+))?\]$`), (*locationParser).memoryARM},
		{regexp.MustCompile(`^\[([a-z]\w*), *([a-z]\w*)(?:, *(lsl|sxtw|uxtw|sxtx)(?: +#?([0-3]))?)?\]$`), (*locationParser).indexedARM},
	},
}

func (p *locationParser) parse(text string) (l Location, err error) {
	match := sized.FindStringSubmatch(text)
	if match == nil {
		return l, errOperand
	}
	if match[3] != "" {
		return l, errors.New("floating-point numbers cannot be read")
	}
	l.Size, l.Signed = uint32(match[2][0]-'0'), match[1] != ""
	for _, form := range forms[p.registers.Architecture] {
		if operand := form.pattern.FindStringSubmatch(match[4]); operand != nil {
			return l, form.read(p, operand, &l)
		}
	}
	return l, errOperand
}

// number with or without a sign, of 64 bits: compilers write large ones without.
func number(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 0, 64)
	if errors.Is(err, strconv.ErrRange) {
		var u uint64
		u, err = strconv.ParseUint(text, 0, 64)
		n = int64(u)
	}
	if err != nil {
		return 0, fmt.Errorf("%s is no number of 64 bits", text)
	}
	return n, nil
}

func (p *locationParser) lookup(name string) (layout.Register, error) {
	if register, ok := p.registers.Lookup(name); ok {
		return register, nil
	}
	return layout.Register{}, fmt.Errorf("register %s cannot be read", name)
}

func (p *locationParser) constant(match []string, l *Location) (err error) {
	l.Kind = Constant
	l.Value, err = number(match[1])
	return err
}

func (p *locationParser) zero(_ []string, l *Location) error {
	l.Kind = Constant
	return nil
}

func (p *locationParser) register(match []string, l *Location) (err error) {
	l.Kind = InRegister
	l.Register, err = p.lookup(match[1])
	return err
}

// global is data at a fixed distance from the code.
func (p *locationParser) global(match []string, l *Location) error {
	address, err := p.symbol(match[1])
	if err != nil {
		return err
	}
	l.Kind = InMemory
	if match[2] != "" {
		if l.Displacement, err = number(match[2]); err != nil {
			return err
		}
	}
	l.Displacement += int64(address - p.address)
	l.Register, err = p.lookup("rip")
	return err
}

// memory is displacement(base, index, scale), all of which may be missing.
func (p *locationParser) memory(match []string, l *Location) (err error) {
	l.Kind, l.Scale = InMemory, 1
	if match[2] == "" && match[3] == "" || match[2] == "rip" {
		return errOperand
	}
	if match[1] != "" {
		if l.Displacement, err = number(match[1]); err != nil {
			return err
		}
	}
	if match[2] != "" {
		if l.Register, err = p.lookup(match[2]); err != nil {
			return err
		}
	}
	if match[3] != "" {
		if l.Index, err = p.lookup(match[3]); err != nil {
			return err
		}
	}
	if match[4] != "" {
		l.Scale = match[4][0] - '0'
	}
	if narrow(l.Register) || narrow(l.Index) {
		return errOperand
	}
	return nil
}

// narrow says whether it is a part of a register: addresses of programs of 64 bits are whole ones.
func narrow(r layout.Register) bool { return r.Size != 0 && r.Size != 8 }

func (p *locationParser) memoryARM(match []string, l *Location) (err error) {
	l.Kind, l.Scale = InMemory, 1
	if l.Register, err = p.lookup(match[1]); err != nil {
		return err
	}
	if narrow(l.Register) {
		return errOperand
	}
	if match[2] == "" {
		return nil
	}
	if l.Displacement, err = number(match[2]); err == nil {
		return nil
	}
	// Without a comma more, the second is a register as well.
	l.Displacement = 0
	return p.indexedARM([]string{"", match[1], match[2], "", ""}, l)
}

func (p *locationParser) indexedARM(match []string, l *Location) (err error) {
	l.Kind, l.Scale = InMemory, 1
	if l.Register, err = p.lookup(match[1]); err != nil {
		return err
	}
	if l.Index, err = p.lookup(match[2]); err != nil {
		return err
	}
	if narrow(l.Register) || narrow(l.Index) != (match[3] == "sxtw" || match[3] == "uxtw") {
		return errOperand
	}
	l.IndexSigned = match[3] == "sxtw"
	if match[4] != "" {
		l.Scale = 1 << (match[4][0] - '0')
	}
	return nil
}
