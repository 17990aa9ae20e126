// SPDX-License-Identifier: Apache-2.0

//go:build linux

package generated

// choices are what a policy is made by: each byte decides one thing. When there are no more, everything is the first.
type choices struct{ left []byte }

// of is a number below n, which is 256 at most.
func (c *choices) of(n int) int {
	if len(c.left) == 0 {
		return 0
	}
	b := c.left[0]
	c.left = c.left[1:]
	return int(b) % n
}

// one in n.
func (c *choices) one(n int) bool { return c.of(n) == n-1 }

// number has up to 64 bits, small and extreme ones more often than others.
func (c *choices) number() uint64 {
	switch c.of(4) {
	case 0:
		return uint64(c.of(16))
	case 1:
		return 1 << c.of(64)
	case 2:
		return 1<<c.of(64) - 1
	}
	n := uint64(0)
	for range 8 {
		n = n<<8 | uint64(c.of(256))
	}
	return n
}

// pick takes one of a list.
func pick[T any](c *choices, list []T) T { return list[c.of(len(list))] }

// several is a list of 1 to most things, few more often than many.
func several[T any](c *choices, most int, make func() T) (list []T) {
	for {
		list = append(list, make())
		if len(list) == most || !c.one(3) {
			return list
		}
	}
}
