// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// query is a DNS message with questions, each a name in labels and what follows it.
func query(flags, count uint16, rest string) []byte {
	return append([]byte{0x12, 0x34, byte(flags >> 8), byte(flags), byte(count >> 8), byte(count), 0, 0, 0, 0, 0, 0}, rest...)
}

const example = "\x07example\x03com\x00"

func TestQuestions(t *testing.T) {
	label63, long := "\x3f"+strings.Repeat("a", 63), ""
	for range 4 {
		long += label63
	}
	for name, test := range map[string]struct {
		message []byte
		want    string
	}{
		"A":                       {query(0x0100, 1, example+"\x00\x01\x00\x01"), "[{example.com A}]"},
		"AAAA and more":           {query(0x0120, 1, example+"\x00\x1c\x00\x01more"), "[{example.com AAAA}]"},
		"several":                 {query(0, 2, example+"\x00\x01\x00\x01"+"\x01x\x00\x00\x0f\x00\x01"), "[{example.com A} {x MX}]"},
		"root":                    {query(0, 1, "\x00\x00\x02\x00\x01"), "[{. NS}]"},
		"type that has no name":   {query(0, 1, example+"\xff\x01\x00\x01"), "[{example.com TYPE65281}]"},
		"bytes that are no name":  {query(0, 1, "\x05a.\\\x1b\xff\x00\x00\x01\x00\x01"), `[{a\.\\\027\255 A}]`},
		"longest label":           {query(0, 1, label63+"\x00\x00\x01\x00\x01"), "[{" + label63[1:] + " A}]"},
		"an answer":               {query(0x8180, 1, example+"\x00\x01\x00\x01"), "[]"},
		"an update":               {query(0x2800, 1, example+"\x00\x06\x00\x01"), "[]"},
		"no question":             {query(0, 0, example+"\x00\x01\x00\x01"), "[]"},
		"fewer than it says":      {query(0, 65535, example+"\x00\x01\x00\x01"), "[{example.com A}]"},
		"more than are taken":     {query(0, 9, strings.Repeat("\x01x\x00\x00\x01\x00\x01", 9)), "[{x A} {x A} {x A} {x A}]"},
		"pointer":                 {query(0, 1, "\xc0\x0c\x00\x01\x00\x01"), "[]"},
		"label beyond the end":    {query(0, 1, "\x07exam"), "[]"},
		"no end":                  {query(0, 1, "\x07example"), "[]"},
		"no type":                 {query(0, 1, example+"\x00\x01\x00"), "[]"},
		"name beyond 255 bytes":   {query(0, 1, long+"\x00\x00\x01\x00\x01"), "[]"},
		"header alone":            {query(0, 1, ""), "[]"},
		"shorter than the header": {query(0, 1, "")[:11], "[]"},
		"nothing":                 {nil, "[]"},
	} {
		if got := fmt.Sprint(questions(test.message)); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

// Whatever a process sends: what is told of it is bounded, and fit to be printed.
func FuzzQuestions(f *testing.F) {
	f.Add(query(0x0100, 1, example+"\x00\x01\x00\x01"))
	f.Add(query(0, 2, "\x00\x00\x02\x00\x01\xc0\x0c\x00\x01\x00\x01"))
	f.Fuzz(func(t *testing.T, message []byte) {
		before := bytes.Clone(message)
		all := questions(message)
		if len(all) > mostQuestions || !bytes.Equal(before, message) {
			t.Fatalf("%d questions", len(all))
		}
		for _, q := range all {
			if len(q.Name) > 4*longestName || q.Name == "" || q.Type == "" {
				t.Errorf("%q", q)
			}
			for _, c := range []byte(q.Name) {
				if c <= ' ' || c > '~' {
					t.Errorf("%q", q.Name)
				}
			}
		}
	})
}
