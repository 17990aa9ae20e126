// SPDX-License-Identifier: Apache-2.0

// Package jsonscan finds its way in JSON texts, for those who write them and those who read them.
package jsonscan

import (
	"encoding/binary"
	"math/bits"
)

// PlainEnd is where the plain characters of a text end that start at i: at a quote, a backslash, a control character but DEL,
// what is not ASCII, or the end of data. These and no others stand for themselves in a JSON string whatever comes behind them.
func PlainEnd(data []byte, i int) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for ; i+8 <= len(data); i += 8 {
		x := binary.LittleEndian.Uint64(data[i:])
		quote, backslash := x^ones*'"', x^ones*'\\'
		// The top bit of each byte that ends: the lowest is always right, the others may not be.
		if ends := ((x-ones*' ')&^x | (quote-ones)&^quote | (backslash-ones)&^backslash | x) & tops; ends != 0 {
			return i + bits.TrailingZeros64(ends)/8
		}
	}
	for i < len(data) && data[i] >= ' ' && data[i] < 0x80 && data[i] != '"' && data[i] != '\\' {
		i++
	}
	return i
}
