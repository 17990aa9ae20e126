// SPDX-License-Identifier: Apache-2.0

package event

import "strings"

// SplitArguments takes Process.Arguments apart. A quote is one only at the start of an argument and before a blank or the end:
// arguments that hold quotes themselves are written as they are.
func SplitArguments(line string) (words []string) {
	for line != "" {
		if inner, ok := strings.CutPrefix(line, `"`); ok {
			if end := strings.Index(inner+" ", `" `); end >= 0 {
				words = append(words, inner[:end])
				line = strings.TrimPrefix(inner[end+1:], " ")
				continue
			}
		}
		word, rest, _ := strings.Cut(line, " ")
		words, line = append(words, word), rest
	}
	return words
}
