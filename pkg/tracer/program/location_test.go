// SPDX-License-Identifier: Apache-2.0

//go:build linux

package program

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/layout"
)

func parser(t *testing.T, architecture string) locationParser {
	t.Helper()
	registers, err := layout.RegistersOf(architecture)
	if err != nil {
		t.Fatal(err)
	}
	return locationParser{registers: registers, address: 0x1000, symbol: func(name string) (uint64, error) {
		if name == "counter" {
			return 0x4000, nil
		}
		return 0, errors.New("stripped")
	}}
}

func TestLocations(t *testing.T) {
	reg := func(name string, offset, size uint32) layout.Register {
		return layout.Register{Name: name, Offset: offset, Size: size}
	}
	none := layout.Register{}
	memory := func(size uint32, signed bool, base layout.Register, displacement int64, index layout.Register, scale uint8) Location {
		return Location{Kind: InMemory, Size: size, Signed: signed, Register: base, Displacement: displacement, Index: index, Scale: scale}
	}
	rip := Location{Kind: InMemory, Size: 8, Register: reg("rip", 128, 8)}
	global, behind := rip, rip
	global.Displacement, behind.Displacement = 0x3000, 0x2ff0
	for architecture, tests := range map[string]map[string]Location{
		"amd64": {
			"-4@$5":                   {Size: 4, Signed: true, Value: 5},
			"8@$-0x10":                {Size: 8, Value: -16},
			"8@$18446744073709551615": {Size: 8, Value: -1},
			"8@%rdi":                  {Kind: InRegister, Size: 8, Register: reg("rdi", 112, 8)},
			"-4@%r12d":                {Kind: InRegister, Size: 4, Signed: true, Register: reg("r12d", 24, 4)},
			"1@%dil":                  {Kind: InRegister, Size: 1, Register: reg("dil", 112, 1)},
			"1@%ah":                   {Kind: InRegister, Size: 1, Register: reg("ah", 81, 1)},
			"-2@(%rax)":               memory(2, true, reg("rax", 80, 8), 0, none, 1),
			"-4@-1204(%rbp)":          memory(4, true, reg("rbp", 32, 8), -1204, none, 1),
			"8@0x10(%rsp)":            memory(8, false, reg("rsp", 152, 8), 16, none, 1),
			"4@+8(%rsp)":              memory(4, false, reg("rsp", 152, 8), 8, none, 1),
			"1@(%rax,%rbx)":           memory(1, false, reg("rax", 80, 8), 0, reg("rbx", 40, 8), 1),
			"1@-5(%rax,%r9,4)":        memory(1, false, reg("rax", 80, 8), -5, reg("r9", 64, 8), 4),
			"8@4096(,%rdx,8)":         memory(8, false, none, 4096, reg("rdx", 96, 8), 8),
			"8@counter(%rip)":         global,
			"8@counter-16(%rip)":      behind,
		},
		"arm64": {
			"-4@5":                {Size: 4, Signed: true, Value: 5},
			"8@#-0x10":            {Size: 8, Value: -16},
			"8@xzr":               {Size: 8},
			"4@wzr":               {Size: 4},
			"8@x30":               {Kind: InRegister, Size: 8, Register: reg("x30", 240, 8)},
			"-4@w7":               {Kind: InRegister, Size: 4, Signed: true, Register: reg("w7", 56, 4)},
			"8@sp":                {Kind: InRegister, Size: 8, Register: reg("sp", 248, 8)},
			"8@[x19]":             memory(8, false, reg("x19", 152, 8), 0, none, 1),
			"-4@[sp, 60]":         memory(4, true, reg("sp", 248, 8), 60, none, 1),
			"-4@[sp,#60]":         memory(4, true, reg("sp", 248, 8), 60, none, 1),
			"-1@[x29, -12]":       memory(1, true, reg("x29", 232, 8), -12, none, 1),
			"8@[x0, x1]":          memory(8, false, reg("x0", 0, 8), 0, reg("x1", 8, 8), 1),
			"8@[x0, x1, lsl 3]":   memory(8, false, reg("x0", 0, 8), 0, reg("x1", 8, 8), 8),
			"4@[x0, w1, uxtw #2]": memory(4, false, reg("x0", 0, 8), 0, reg("w1", 8, 4), 4),
			"-4@[x0, w1, sxtw 2]": {Kind: InMemory, Size: 4, Signed: true, Register: reg("x0", 0, 8), Index: reg("w1", 8, 4), IndexSigned: true, Scale: 4},
		},
	} {
		for text, want := range tests {
			p := parser(t, architecture)
			if got, err := p.parse(text); err != nil || got != want {
				t.Errorf("%s: %s: %+v, %v\nwant %+v", architecture, text, got, err, want)
			}
		}
	}
}

func TestLocationsThatCannotBeRead(t *testing.T) {
	for architecture, texts := range map[string][]string{
		"amd64": {"", "@", "8@", "3@%rax", "16@%xmm0", "8@%xmm0", "8f@%rax", "8@rax", "8@x0", "8@%", "8@$", "8@$5x", "8@$99999999999999999999",
			"8@(%eax)", "8@(%rax,%ebx,2)", "8@(%rax,%rbx,3)", "8@()", "8@5", "8@8(%rip)", "8@missing(%rip)", "8@counter@GOTPCREL(%rip)",
			"8@%fs:40", "8@%rax%rbx", "8@(%rax", "8@counter+9223372036854775808999(%rip)", "%rax", "-@%rax", "8@[sp, 8]"},
		"arm64": {"8@%x0", "8@$5", "8@x31", "8@d0", "8@[w0]", "8@[x0, w1]", "8@[x0, x1, sxtw 2]", "8@[x0, x1, lsl 4]", "8@[x0", "8@[x0, 8]!",
			"8@[]", "8@[x0, 99999999999999999999]", "8@(%rax)", "8@v0.d"},
	} {
		for _, text := range texts {
			p := parser(t, architecture)
			if got, err := p.parse(text); err == nil {
				t.Errorf("%s: %s is %+v", architecture, text, got)
			}
		}
	}
}

func TestSplit(t *testing.T) {
	for text, want := range map[string][]string{
		"":                                   nil,
		"8@%rax":                             {"8@%rax"},
		" 8@%rax  -4@-8(%rbp) ":              {"8@%rax", "-4@-8(%rbp)"},
		"-4@[sp, 60] 8@x0 8@[x0, x1, lsl 3]": {"-4@[sp, 60]", "8@x0", "8@[x0, x1, lsl 3]"},
		"8@[x0":                              {"8@[x0"},
		"8@x0] 8@x1":                         {"8@x0]", "8@x1"},
	} {
		if got := split(text); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestProbeArgumentTypes(t *testing.T) {
	p := parser(t, "amd64")
	for text, want := range map[string]string{"-1@%al": "int8", "2@%ax": "uint16", "-4@$1": "int32", "8@%rdi": "uint64"} {
		location, err := p.parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := (ProbeArgument{Text: text, Location: location}).ArgumentType(); err != nil || got.Name != want {
			t.Errorf("%s: %v, %v, want %s", text, got, err, want)
		}
	}
	if _, err := (ProbeArgument{Err: errOperand}).ArgumentType(); !errors.Is(err, errOperand) {
		t.Error(err)
	}
}

func FuzzLocation(f *testing.F) {
	for _, seed := range []string{"-4@-1204(%rbp,%rax,4)", "8@counter+8(%rip)", "8@[x0, w1, sxtw 2]", "8@$18446744073709551615"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, architecture := range []string{"amd64", "arm64"} {
			p := parser(t, architecture)
			for _, argument := range split(text) {
				l, err := p.parse(argument)
				if err != nil {
					continue
				}
				if !slices.Contains([]uint32{1, 2, 4, 8}, l.Size) || l.Kind == InRegister && l.Register.Size == 0 ||
					l.Kind == InMemory && l.Register.Size == 0 && l.Index.Size == 0 || !strings.Contains(argument, "@") {
					t.Errorf("%q: %+v", argument, l)
				}
			}
		}
	})
}
