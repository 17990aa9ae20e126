// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"encoding/hex"
	"math"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

var uprobeFields = []field[hookReading]{
	pathField, btfPathField,
	{name: "symbols", read: func(c cursor, h *hookReading) {
		c.items(func(item cursor) {
			if text, ok := item.text(); ok {
				h.symbol(item, text)
			}
		})
	}},
	// symbol was the one name that the first releases took.
	{name: "symbol", read: func(c cursor, h *hookReading) {
		if text, ok := c.text(); ok {
			h.symbol(c, text)
		}
	}},
	{name: "offsets", read: func(c cursor, h *hookReading) { h.program().Offsets = h.offsets(c) }},
	{name: "addrs", read: func(c cursor, h *hookReading) { h.program().Addresses = h.offsets(c) }},
	{name: "refCtrOffsets", read: func(c cursor, h *hookReading) { h.program().RefCtrOffsets = h.offsets(c) }},
	inContainerField,
	{name: "binaryDigests", read: func(c cursor, h *hookReading) { c.items(h.digest) }},
	{name: "ignore", read: func(c cursor, h *hookReading) { object(c, ignoreDigestFields, h.program()) }},
	returnField, argsField, dataField, returnArgField, selectorsField, messageField, tagsField,
}

// inContainerField is Tetragon's for uprobes alone.
var inContainerField = field[hookReading]{name: "resolvePathInContainer", read: func(c cursor, h *hookReading) {
	if h.program().InContainer, _ = c.boolean(); h.program().InContainer && h.policy.Scope.Pods == nil {
		c.fail("needs a podSelector: in whose container?")
	}
}}

var usdtFields = []field[hookReading]{
	pathField, btfPathField, inContainerField,
	{name: "provider", required: true, read: func(c cursor, h *hookReading) { h.program().Provider = identifier(c) }},
	{name: "name", required: true, read: func(c cursor, h *hookReading) { h.program().Name = identifier(c) }},
	argsField, selectorsField, messageField, tagsField,
}

var ignoreDigestFields = []field[Program]{
	{name: "digestVerificationFailure", read: func(c cursor, p *Program) { p.IgnoreDigestFailure, _ = c.boolean() }},
}

// symbol reads sym or sym+off.
func (h *hookReading) symbol(c cursor, text string) {
	name, after, plus := strings.Cut(text, "+")
	offset := uint64(0)
	if plus {
		var err error
		if offset, err = strconv.ParseUint(after, 0, 64); err != nil {
			c.fail("%s: after + a number is wanted", shown(text))
		}
	}
	if name == "" || strings.ContainsAny(name, " \t\n\x00") {
		c.fail("%s is not a symbol", shown(text))
		return
	}
	h.program().Symbols = append(h.program().Symbols, Symbol{name, offset})
}

// offsets reads numbers without a sign; uint64 is more than cursor.integer can.
func (h *hookReading) offsets(c cursor) (values []uint64) {
	c.items(func(item cursor) {
		if value, ok := item.unsigned(); ok {
			values = append(values, value)
		}
	})
	return values
}

func (c cursor) unsigned() (value uint64, ok bool) {
	if c.node.Kind != yaml.ScalarNode || c.node.Tag != "!!int" || c.node.Decode(&value) != nil {
		c.fail("want a number from 0 to %d, got %s", uint64(math.MaxUint64), c.kind())
		return 0, false
	}
	return value, true
}

// digestSizes in bytes; a build ID has any.
var digestSizes = map[string]int{"sha1": 20, "sha256": 32, "sha384": 48, "sha512": 64, "build-id": 0}

// digest reads algorithm:hex.
func (h *hookReading) digest(c cursor) {
	text, ok := c.text()
	if !ok {
		return
	}
	algorithm, digits, _ := strings.Cut(text, ":")
	size, known := digestSizes[algorithm]
	sum, err := hex.DecodeString(digits)
	switch {
	case !known:
		c.fail("unknown digest %s%s", shown(algorithm), DidYouMean(algorithm, []string{"sha1", "sha256", "sha384", "sha512", "build-id"}))
	case err != nil || len(sum) == 0 || size > 0 && len(sum) != size:
		c.fail("%s: want %s: and its hexadecimal digits", shown(text), algorithm)
	default:
		h.program().Digests = append(h.program().Digests, Digest{algorithm, sum})
	}
}

// checkUprobe wants one way to say where, and a counter for each place or none.
func (h *hookReading) checkUprobe(seen given, before int) {
	p := h.program()
	var ways []string
	places := 0
	for _, way := range []struct {
		name string
		n    int
	}{{"symbols", len(p.Symbols)}, {"offsets", len(p.Offsets)}, {"addrs", len(p.Addresses)}} {
		if way.n > 0 {
			ways = append(ways, way.name)
			places = way.n
		}
	}
	switch {
	case len(ways) == 0 && (seen.has("symbols") || seen.has("symbol") || seen.has("offsets") || seen.has("addrs")):
		// What is wrong with them was said, unless they are empty.
		if before == len(*h.at.problems) {
			h.at.fail("the list of places is empty")
		}
	case len(ways) == 0:
		h.at.fail("want one of symbols, offsets and addrs: where in the program?")
	case len(ways) > 1:
		h.at.fail("%s exclude each other", strings.Join(ways, " and "))
	case len(p.RefCtrOffsets) > 0 && len(p.RefCtrOffsets) != places:
		seen["refCtrOffsets"].fail("%d of them for %d places: one for each", len(p.RefCtrOffsets), places)
	case p.IgnoreDigestFailure && len(p.Digests) == 0:
		seen["ignore"].fail("there are no binaryDigests to fail")
	}
}
