// SPDX-License-Identifier: Apache-2.0

package sigma

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// tokenKind is what a part of a rule's value stands for.
type tokenKind uint8

const (
	// literal is text.
	literal tokenKind = iota
	// anything is *: any number of characters.
	anything
	// character is ?: one character.
	character
	// dash is any of the characters that begin an option, see windash.
	dash
)

// token is a part of a value; text is set for a literal.
type token struct {
	kind tokenKind
	text string
}

// wildcards are what the characters stand for where they are not escaped.
var wildcards = map[byte]tokenKind{'*': anything, '?': character}

// parseWildcards splits a value into its literal parts and wildcards. Of backslashes right before a wildcard each pair is one
// backslash, and an odd one makes the wildcard an ordinary character; all others are themselves.
func parseWildcards(value string) []token {
	var tokens []token
	var text strings.Builder
	for i := 0; i < len(value); {
		slashes := len(value[i:]) - len(strings.TrimLeft(value[i:], `\`))
		i += slashes
		var kind tokenKind
		wild := false
		if i < len(value) {
			kind, wild = wildcards[value[i]]
		}
		if wild {
			text.WriteString(strings.Repeat(`\`, slashes/2))
			wild = slashes%2 == 0
		} else {
			text.WriteString(strings.Repeat(`\`, slashes))
		}
		switch {
		case i == len(value):
		case wild:
			tokens = append(appendLiteral(tokens, text.String()), token{kind: kind})
			text.Reset()
			i++
		default:
			text.WriteByte(value[i])
			i++
		}
	}
	return appendLiteral(tokens, text.String())
}

func appendLiteral(tokens []token, text string) []token {
	if text == "" {
		return tokens
	}
	return append(tokens, token{literal, text})
}

// dashes are the characters that windash takes for one another: hyphen, slash, en dash, em dash, horizontal bar.
const dashes = "-/–—―"

// splitDashes replaces the characters of a literal that begin an option: a hyphen that does not follow a letter or digit, and a
// slash that moreover stands before one.
func splitDashes(text string) (tokens []token) {
	from, before := 0, rune(-1)
	for i, r := range text {
		after, _ := utf8.DecodeRuneInString(text[i+utf8.RuneLen(r):])
		if !isWord(before) && (r == '-' || r == '/' && isWord(after)) {
			tokens = append(appendLiteral(tokens, text[from:i]), token{kind: dash})
			from = i + 1
		}
		before = r
	}
	return appendLiteral(tokens, text[from:])
}

func isWord(r rune) bool {
	return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r)
}
