// SPDX-License-Identifier: Apache-2.0

package sigma

import (
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"unicode/utf16"
)

// A transform makes of one value those that are searched for instead.
type transform func(value []token) ([][]token, error)

// errWildcard is for values that have no one encoding.
var errWildcard = errors.New("a value with a wildcard cannot be encoded: write \\* or \\? for the character itself")

// windash takes the characters that may begin an option for one another. Each is a class in the pattern, so that a value with many
// of them does not become many.
func windash(value []token) ([][]token, error) {
	var changed []token
	for _, t := range value {
		if t.kind == literal {
			changed = append(changed, splitDashes(t.text)...)
		} else {
			changed = append(changed, t)
		}
	}
	return [][]token{changed}, nil
}

// ByteOrder of UTF-16, and whether a byte order mark begins the text.
type utf16Form struct{ big, mark bool }

// encode is the text as UTF-16 in the bytes of a string.
func (f utf16Form) encode(value []token) ([][]token, error) {
	var changed []token
	for i, t := range value {
		switch {
		case t.kind == dash:
			return nil, errors.New("windash must stand after the encoding")
		case t.kind != literal:
			changed = append(changed, t)
			continue
		}
		units := utf16.Encode([]rune(t.text))
		if f.mark && i == 0 {
			units = slices.Insert(units, 0, 0xFEFF)
		}
		var encoded strings.Builder
		for _, unit := range units {
			low, high := byte(unit), byte(unit>>8)
			if f.big {
				low, high = high, low
			}
			encoded.Write([]byte{low, high})
		}
		changed = append(changed, token{literal, encoded.String()})
	}
	return [][]token{changed}, nil
}

// whole is the text of a value without wildcards.
func whole(value []token) (string, error) {
	switch {
	case len(value) == 0:
		return "", nil
	case len(value) > 1 || value[0].kind != literal:
		return "", errWildcard
	}
	return value[0].text, nil
}

func encodeBase64(value []token) ([][]token, error) {
	text, err := whole(value)
	if err != nil {
		return nil, err
	}
	return [][]token{{{literal, base64.StdEncoding.EncodeToString([]byte(text))}}}, nil
}

// encodeBase64Offset has what the text becomes within a longer one that is encoded: 3 bytes are 4 characters, so there are three
// ways, of which the characters that depend on what stands before and after are left out.
func encodeBase64Offset(value []token) ([][]token, error) {
	text, err := whole(value)
	if err != nil {
		return nil, err
	}
	var all [][]token
	for offset, first := range [...]int{0, 2, 3} {
		encoded := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat(" ", offset) + text))
		last := (offset + len(text)) / 3 * 4 // characters of whole groups
		switch (offset + len(text)) % 3 {
		case 1:
			last++
		case 2:
			last += 2
		}
		if first < last {
			all = append(all, []token{{literal, encoded[first:last]}})
		}
	}
	if len(all) == 0 {
		return nil, errors.New("the value is too short to be found in base64")
	}
	return all, nil
}
