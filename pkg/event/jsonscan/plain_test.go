// SPDX-License-Identifier: Apache-2.0

package jsonscan

import (
	"bytes"
	"testing"
)

// Every byte at every place among others is told right, wherever one begins.
func TestPlainEnd(t *testing.T) {
	for length := range 20 {
		for at := range length {
			for b := range 256 {
				for start := range at + 1 {
					for _, others := range []byte{' ', '!', '#', '[', ']', 'a', 0x7f} {
						data := bytes.Repeat([]byte{others}, length)
						data[at] = byte(b)
						want := length
						if b < ' ' || b == '"' || b == '\\' || b >= 0x80 {
							want = at
						}
						if got := PlainEnd(data, start); got != want {
							t.Fatalf("%q from %d: %d, want %d", data, start, got, want)
						}
					}
				}
			}
		}
	}
}

// What comes first counts.
func TestFirstEnd(t *testing.T) {
	ends := []byte{0, 0x1f, '"', '\\', 0x80, 0xff}
	for i := range 8 {
		for j := i; j < 8; j++ {
			for _, a := range ends {
				for _, b := range ends {
					data := []byte("abcdefgh")
					data[i], data[j] = a, b
					if got := PlainEnd(data, 0); got != i {
						t.Fatalf("%q: %d, want %d", data, got, i)
					}
				}
			}
		}
	}
}
