// SPDX-License-Identifier: Apache-2.0

package trace

import (
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// secretFlags may have values that others must not see.
var secretFlags = []string{"redact"}

// commandLine is the command as others are told of it: without the flags that say how the cluster is reached, and without secrets.
func (o *Options) commandLine(v Verb) string {
	words := []string{v.word()}
	for _, g := range o.groups {
		g.Flags.VisitAll(func(f *pflag.Flag) {
			if o.given[f.Name] {
				words = append(words, flagWords(f)...)
			}
		})
	}
	return shellWords(append(words, o.targets.args...))
}

func flagWords(f *pflag.Flag) (words []string) {
	values := []string{f.Value.String()}
	if list, is := f.Value.(pflag.SliceValue); is {
		values = list.GetSlice()
	}
	for _, value := range values {
		switch {
		case slices.Contains(secretFlags, f.Name):
			words = append(words, "--"+f.Name+"=...")
		case f.Value.Type() == "bool" && value == "true":
			words = append(words, "--"+f.Name)
		default:
			words = append(words, "--"+f.Name+"="+value)
		}
	}
	return words
}

// plainWord is what a shell takes as it stands.
var plainWord = regexp.MustCompile(`^[\w@%+=:,./-]+$`)

// shellWords joins words as a shell would have to be given them.
func shellWords(words []string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = word
		if !plainWord.MatchString(word) {
			quoted[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}
