// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Register of a processor by name; Architecture is amd64 or arm64.
type Register struct {
	Name         string
	Architecture string
}

// registers by architecture; parts of amd64's registers have names of their own.
var registers = func() map[string][]string {
	amd64 := words(`rax rbx rcx rdx rsi rdi rbp rsp eax ebx ecx edx esi edi ebp esp ax bx cx dx si di bp sp
		al bl cl dl sil dil bpl spl rip eip ip eflags`)
	arm64 := words("sp pc pstate")
	for n := range 8 {
		for _, part := range []string{"", "d", "w", "b"} {
			amd64 = append(amd64, fmt.Sprintf("r%d%s", n+8, part))
		}
	}
	for n := range 31 {
		arm64 = append(arm64, fmt.Sprintf("x%d", n))
	}
	return map[string][]string{"amd64": amd64, "arm64": arm64}
}()

// lookupRegister finds a register. sp is one of both; it is arm64's, as amd64 would say rsp.
func lookupRegister(name string) (Register, bool) {
	name = strings.ToLower(strings.TrimPrefix(name, "%"))
	for _, architecture := range []string{"arm64", "amd64"} {
		if slices.Contains(registers[architecture], name) {
			return Register{name, architecture}, true
		}
	}
	return Register{}, false
}

func registerNames() []string { return append(slices.Clone(registers["amd64"]), registers["arm64"]...) }

// assignment is register=source: a number, %register, offset%register, or with parentheses around the register the memory
// there.
var assignment = regexp.MustCompile(`^%?([a-zA-Z0-9]+)=([+-]?[0-9a-fA-Fx]*)(\(?)(%[a-zA-Z0-9]+)?(\)?)$`)

func parseAssignment(text string) (a RegisterAssignment, err error) {
	match := assignment.FindStringSubmatch(strings.ReplaceAll(text, " ", ""))
	if match == nil || (match[3] == "(") != (match[5] == ")") || match[3] != "" && match[4] == "" || match[2]+match[4] == "" {
		return a, fmt.Errorf("%s: want register=number, register=%%register, register=8%%register or register=8(%%register)", shown(text))
	}
	for _, name := range []struct {
		text string
		to   *Register
	}{{match[1], &a.Register}, {match[4], &a.Source}} {
		ok := name.text == ""
		if !ok {
			*name.to, ok = lookupRegister(name.text)
		}
		if !ok {
			return a, fmt.Errorf("%s: unknown register %s%s", shown(text), name.text, DidYouMean(name.text, registerNames()))
		}
	}
	if a.Source.Name != "" && a.Source.Architecture != a.Register.Architecture {
		return a, fmt.Errorf("%s: %s and %s are of two processors", shown(text), a.Register.Name, a.Source.Name)
	}
	if match[2] != "" {
		if a.Offset, err = strconv.ParseInt(match[2], 0, 64); err != nil {
			return a, fmt.Errorf("%s: %s is not a number of 64 bits", shown(text), match[2])
		}
	}
	a.Dereference = match[3] != ""
	return a, nil
}
