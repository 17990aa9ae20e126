// SPDX-License-Identifier: Apache-2.0

package events

import (
	"path"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/sigma"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// deleted is what the kernel appends to the path of a file that no directory names any more.
const deleted = " (deleted)"

// Flags of a process of which the details never arrived, and of one of which only the executable is known.
const missing = event.FlagUnknown | event.FlagMiss

// whole is a value of which nothing is missing; the text is in the record's memory.
func (m *memory) whole(texts ...string) sigma.Values {
	m.texts = append(m.texts[:0], texts...)
	return sigma.Values{Texts: m.texts}
}

// memory is what values are kept in until the next are asked for.
type memory struct{ texts, claimed []string }

// unknown is a value of which nothing is known.
var unknown = sigma.Values{Cut: sigma.Unknown}

// images are the paths of a process's program: as it was asked for, and the file that was loaded, with and without the mark of a file
// that is deleted.
func (m *memory) images(p *event.Process, executable string) sigma.Values {
	if p == nil || p.Binary == "" {
		return unknown
	}
	v := m.whole(p.Binary)
	if executable != "" && executable != p.Binary {
		v.Texts = append(v.Texts, executable)
		if name, was := strings.CutSuffix(executable, deleted); was && name != p.Binary {
			v.Texts = append(v.Texts, name)
		}
	}
	m.texts = v.Texts
	if event.ParseFlags(p.Flags)&event.FlagErrorFilename != 0 {
		v.Cut = sigma.CutStart | sigma.CutEnd
	}
	return v
}

// arguments are a process's argument vector; cut when its end is missing, unknown when all but the first is.
type arguments struct {
	words        []string
	cut, unknown bool
}

// argv of a process: the caller's, or made of what events have. The words are put into memory where that has room.
func argv(memory []string, p *event.Process, executable string, o *Options) (a arguments) {
	if p == nil || p.Binary == "" {
		a.unknown = true
		return a
	}
	if o.Argv != nil {
		if words, complete := o.Argv(p); words != nil {
			return arguments{words: words, cut: !complete}
		}
	}
	flags := event.ParseFlags(p.Flags)
	a.words = splitArguments(append(memory[:0], ""), p.Arguments)
	a.words[0] = firstArgument(p, executable, a.words[1:])
	a.cut = flags&event.FlagTruncatedArguments != 0
	a.unknown = flags&(event.FlagErrorArguments|missing) != 0
	return a
}

// firstArgument is the probable argv[0]: the name of the program; of a script that of its interpreter, of which the script's path is one
// of the first arguments.
func firstArgument(p *event.Process, executable string, rest []string) string {
	name := path.Base(p.Binary)
	if executable != "" && executable != p.Binary {
		const mostBefore = 2 // the kernel puts at most one argument between the interpreter and the script
		for _, word := range rest[:min(len(rest), mostBefore)] {
			if path.Base(word) == name {
				return path.Base(strings.TrimSuffix(executable, deleted))
			}
		}
	}
	return name
}

// splitArguments takes apart what package event joins: an argument that holds a blank is in double quotes. An argument that itself
// begins with a double quote cannot be told from one that was put in quotes.
func splitArguments(words []string, joined string) []string {
	for joined != "" {
		var word string
		if quoted, ok := strings.CutPrefix(joined, `"`); ok {
			if word, joined, ok = strings.Cut(quoted, `" `); !ok {
				word, joined = strings.TrimSuffix(quoted, `"`), ""
			}
		} else {
			word, joined, _ = strings.Cut(joined, " ")
		}
		words = append(words, word)
	}
	return words
}

// commandLine is the vector joined with blanks.
func (m *memory) commandLine(a arguments) sigma.Values {
	if len(a.words) == 0 {
		return unknown
	}
	v := m.whole(strings.Join(a.words, " "))
	if a.cut || a.unknown {
		v.Cut = sigma.CutEnd
	}
	return v
}
