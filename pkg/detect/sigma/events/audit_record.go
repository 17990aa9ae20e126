// SPDX-License-Identifier: Apache-2.0

package events

import (
	"strconv"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/sigma"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// Types of records of the audit daemon that are made of events.
const (
	typeExecve  = "EXECVE"
	typeSyscall = "SYSCALL"
	typePath    = "PATH"
)

// recordTypes are all of them.
var recordTypes = []string{typeExecve, typeSyscall, typePath}

// Values of nametype.
const (
	nameNormal = "NORMAL"
	nameCreate = "CREATE"
	nameDelete = "DELETE"
	nameParent = "PARENT"
)

// auditRecord is one record of the audit daemon that an event would have caused.
type auditRecord struct {
	options *Options
	kind    string
	event   *event.Event
	process *event.Process
	// executable is the loaded file, or the binary where they are the same.
	executable string
	// argv is of EXECVE.
	argv arguments
	// call is the name of the system call of SYSCALL; numbers are its arguments, returned its result.
	call     string
	numbers  []event.Argument
	returned *event.Argument
	// path and nametype are of PATH.
	path     filePath
	nametype string

	memory memory
	words  []string
	buffer []byte
}

// Values implements sigma.Record.
func (a *auditRecord) Values(name string) sigma.Values {
	if name == sigma.KeywordsField {
		return a.text(&a.memory)
	}
	if number, ok := argumentNumber(name); ok {
		return a.argumentAt(number, &a.memory)
	}
	at, known := auditPlaces[name]
	if !known || auditTable[at].kind != "" && auditTable[at].kind != a.kind {
		return sigma.Values{}
	}
	return auditTable[at].values(a, &a.memory)
}

// argumentNumber is the number in the name of a field such as a0.
func argumentNumber(name string) (int, bool) {
	digits, ok := strings.CutPrefix(name, "a")
	if !ok || len(digits) == 0 || len(digits) > 4 || strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	number, err := strconv.Atoi(digits)
	return number, err == nil
}

// argumentAt is an argument of the program, or of the system call in hexadecimal.
func (a *auditRecord) argumentAt(number int, m *memory) sigma.Values {
	switch {
	case a.kind == typeSyscall:
		if number >= len(a.numbers) || number > 3 { // records have four
			return sigma.Values{}
		}
		value, ok := asNumber(&a.numbers[number])
		if !ok {
			return sigma.Values{}
		}
		return m.whole(strconv.FormatUint(value, 16))
	case a.kind != typeExecve:
		return sigma.Values{}
	case number < len(a.argv.words):
		v := m.whole(a.argv.words[number])
		if a.argv.cut && number == len(a.argv.words)-1 {
			v.Cut = sigma.CutEnd
		}
		return v
	case a.argv.cut || a.argv.unknown:
		return unknown
	}
	return sigma.Values{}
}

// asNumber is an argument as the register had it: those of 32 bits are not extended.
func asNumber(arg *event.Argument) (uint64, bool) {
	if arg.IntArg != nil {
		return uint64(uint32(*arg.IntArg)), true
	}
	return number(arg)
}

// text is the record as the audit daemon writes it, as far as events know it; and of a program beside it its arguments joined with
// blanks, because rules have keywords such as "--to-ports 42", which stand in two arguments.
func (a *auditRecord) text(m *memory) sigma.Values {
	b := append(append(a.buffer[:0], "type="...), a.kind...)
	for i := range auditTable {
		row := &auditTable[i]
		if row.name == "type" || row.kind != "" && row.kind != a.kind {
			continue
		}
		if v := row.values(a, m); len(v.Texts) > 0 {
			b = appendPair(b, row.name, v.Texts[0], row.quoted)
		}
	}
	if a.kind != typeExecve {
		a.buffer = b
		return m.whole(string(b))
	}
	for i, word := range a.argv.words {
		b = appendPair(b, "a"+strconv.Itoa(i), word, true)
	}
	a.buffer = b
	v := m.whole(string(b), strings.Join(a.argv.words, " "))
	if a.argv.cut || a.argv.unknown {
		v.Cut = sigma.CutEnd
	}
	return v
}

func appendPair(b []byte, name, value string, quoted bool) []byte {
	b = append(append(append(b, ' '), name...), '=')
	if quoted {
		return append(append(append(b, '"'), value...), '"')
	}
	return append(b, value...)
}
