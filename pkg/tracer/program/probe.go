// SPDX-License-Identifier: Apache-2.0

//go:build linux

package program

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/executable"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/layout"
)

// ErrNoProbe: the program has no USDT of the provider and name.
var ErrNoProbe = errors.New("no such USDT")

// How programs note their USDTs (systemtap's sys/sdt.h).
const (
	noteSection = ".note.stapsdt"
	noteName    = "stapsdt\x00"
	noteType    = 3
	// baseSection has the address that the notes were made with, so that it shows by how much the file was moved since, as
	// prelink does.
	baseSection = ".stapsdt.base"
	// mostProbes of one name: a macro that is inlined everywhere has some dozens.
	mostProbes = 4096
	// mostArguments that sys/sdt.h can note.
	mostArguments = 12
)

// Probe is one instance of a USDT: inlining and several uses give it many, whose arguments lie in different places.
type Probe struct {
	Place
	Provider string
	// Arguments as far as they can be read: others have an error.
	Arguments []ProbeArgument
}

// ProbeArgument is where one is found when the probe is hit.
type ProbeArgument struct {
	// Text is what the note has, for messages: -4@%eax.
	Text string
	Location
	// Err is why it cannot be read; nil if it can.
	Err error
}

// ArgumentType is what type auto stands for: a number of the size and sign that the note has. Whether 8 bytes are an address,
// it does not tell.
func (a ProbeArgument) ArgumentType() (*policy.ArgumentType, error) {
	if a.Err != nil {
		return nil, a.Err
	}
	name := fmt.Sprintf("uint%d", a.Size*8)
	if a.Signed {
		name = name[1:]
	}
	if t := policy.LookupArgumentType(name); t != nil {
		return t, nil
	}
	return nil, fmt.Errorf("no type shows %s", a.Text)
}

// Probes finds all instances of a USDT. The error wraps ErrNoProbe, with the nearest that there is.
func (f *File) Probes(provider, name string) ([]Probe, error) {
	probes, err := f.probes(provider, name)
	if err != nil {
		return nil, fmt.Errorf("%s: USDT %s:%s: %w", f.Name, provider, name, err)
	}
	return probes, nil
}

func (f *File) probes(provider, name string) (probes []Probe, err error) {
	// Those of other architectures run on none of our nodes.
	registers, err := layout.RegistersOf(f.elf.Architecture())
	if err != nil {
		return nil, err
	}
	var others []string
	var problem error
	err = f.elf.Notes(noteSection, func(n executable.Note) bool {
		if n.Name != noteName || n.Type != noteType {
			return true
		}
		note, ok := parseNote(n.Description)
		if !ok {
			problem = fmt.Errorf("%w: a malformed note of a USDT", executable.ErrFormat)
			return false
		}
		if note.provider != provider || note.name != name {
			if full := note.provider + ":" + note.name; len(others) < mostProbes && !slices.Contains(others, full) {
				others = append(others, full)
			}
			return true
		}
		if len(probes) == mostProbes {
			problem = fmt.Errorf("more than %d instances", mostProbes)
			return false
		}
		var probe Probe
		probe, problem = f.probe(note, registers)
		probes = append(probes, probe)
		return problem == nil
	})
	switch {
	case err != nil:
		return nil, err
	case problem != nil:
		return nil, problem
	case len(probes) == 0 && len(others) == 0:
		return nil, fmt.Errorf("%w: the program has none at all", ErrNoProbe)
	case len(probes) == 0:
		return nil, fmt.Errorf("%w%s", ErrNoProbe, policy.DidYouMean(provider+":"+name, others))
	}
	return probes, nil
}

// note of a USDT: addresses of the place, of baseSection when the note was made, and of the counter of who watches, 0 if the
// program does not want to know.
type note struct {
	place, base, counter      uint64
	provider, name, arguments string
}

func parseNote(description []byte) (n note, ok bool) {
	const addresses = 24
	if len(description) < addresses {
		return n, false
	}
	n.place = binary.LittleEndian.Uint64(description)
	n.base = binary.LittleEndian.Uint64(description[8:])
	n.counter = binary.LittleEndian.Uint64(description[16:])
	texts := bytes.SplitN(description[addresses:], []byte{0}, 4)
	if len(texts) < 4 {
		return n, false
	}
	n.provider, n.name, n.arguments = string(texts[0]), string(texts[1]), string(texts[2])
	return n, true
}

func (f *File) probe(n note, registers *layout.Registers) (Probe, error) {
	var moved uint64
	if base, ok := f.elf.SectionAddress(baseSection); ok && n.base != 0 {
		moved = base - n.base
	}
	address := n.place + moved
	offset, err := f.elf.Offset(address, executable.Code)
	if err != nil {
		return Probe{}, err
	}
	probe := Probe{Place: Place{Name: n.provider + ":" + n.name, Offset: offset}, Provider: n.provider}
	if n.counter != 0 {
		if probe.RefCtrOffset, err = f.elf.Offset(n.counter+moved, executable.Data); err != nil {
			return Probe{}, fmt.Errorf("counter: %w", err)
		}
	}
	parser := locationParser{registers: registers, address: address, symbol: f.object}
	for _, text := range split(n.arguments) {
		if len(probe.Arguments) == mostArguments {
			return Probe{}, fmt.Errorf("%w: more than %d arguments", executable.ErrFormat, mostArguments)
		}
		argument := ProbeArgument{Text: text}
		if argument.Location, argument.Err = parser.parse(text); argument.Err != nil {
			argument.Err = fmt.Errorf("argument %d, %s: %w", len(probe.Arguments), text, argument.Err)
		}
		probe.Arguments = append(probe.Arguments, argument)
	}
	return probe, nil
}

// object is the address of data by its name.
func (f *File) object(name string) (uint64, error) {
	found, err := f.elf.Find([]string{name})
	if err != nil {
		return 0, err
	}
	for _, s := range found[name] {
		if s.Kind == executable.Object {
			if len(found[name]) > 1 {
				return 0, fmt.Errorf("several symbols are called %s", name)
			}
			return s.Address, nil
		}
	}
	return 0, fmt.Errorf("the file does not tell where %s is: it was stripped", name)
}

// split divides arguments at blanks outside of brackets, which arm64's have: -4@[sp, 60] 8@x0.
func split(text string) (arguments []string) {
	depth := 0
	return strings.FieldsFunc(text, func(r rune) bool {
		switch r {
		case '[', '(':
			depth++
		case ']', ')':
			depth--
		}
		return r == ' ' && depth <= 0
	})
}
