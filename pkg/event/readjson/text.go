// SPDX-License-Identifier: Apache-2.0

package readjson

import (
	"hash/maphash"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event/jsonscan"
)

// text reads a string. What it returns is good until the next text is read.
func (s *state) text() (text []byte, ok bool) {
	if !s.take('"') {
		return nil, false
	}
	start := s.at
	s.at = jsonscan.PlainEnd(s.data, start)
	if s.take('"') {
		return s.data[start : s.at-1], true
	}
	s.unescaped = append(s.unescaped[:0], s.data[start:s.at]...)
	for s.at < len(s.data) {
		switch b := s.data[s.at]; {
		case b == '"':
			s.at++
			return s.unescaped, utf8.Valid(s.unescaped)
		case b == '\\':
			if !s.escape() {
				return nil, false
			}
		case b < ' ':
			return nil, false
		case b >= utf8.RuneSelf:
			s.unescaped = append(s.unescaped, b)
			s.at++
		default:
			start := s.at
			s.at = jsonscan.PlainEnd(s.data, start)
			s.unescaped = append(s.unescaped, s.data[start:s.at]...)
		}
	}
	return nil, false
}

// escapes are what the letters after a backslash stand for.
var escapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// escape reads a backslash and what belongs to it. Halves of surrogate pairs are left to encoding/json.
func (s *state) escape() bool {
	if s.at+1 >= len(s.data) {
		return false
	}
	letter := s.data[s.at+1]
	if letter != 'u' {
		s.unescaped = append(s.unescaped, escapes[letter])
		s.at += 2
		return escapes[letter] != 0
	}
	if s.at+6 > len(s.data) {
		return false
	}
	r := rune(0)
	for _, digit := range s.data[s.at+2 : s.at+6] {
		value := hexDigit(digit)
		if value < 0 {
			return false
		}
		r = r<<4 | value
	}
	s.unescaped = utf8.AppendRune(s.unescaped, r)
	s.at += 6
	return !utf16.IsSurrogate(r)
}

func hexDigit(b byte) rune {
	switch {
	case '0' <= b && b <= '9':
		return rune(b - '0')
	case 'a' <= b|0x20 && b|0x20 <= 'f':
		return rune(b|0x20-'a') + 10
	}
	return -1
}

const (
	// sharedTexts is how many texts are kept, longestShared how many bytes the longest has.
	sharedTexts   = 1024
	longestShared = 128
)

// shared is text as a string: one that is there already, if it was read not long ago.
func (s *state) shared(text []byte) string {
	if len(text) > longestShared {
		return string(text)
	}
	kept := &s.texts[maphash.Bytes(s.seed, text)%sharedTexts]
	if *kept != string(text) {
		*kept = string(text)
	}
	return *kept
}
