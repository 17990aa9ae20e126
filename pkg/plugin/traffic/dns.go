// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// Of a DNS message, RFC 1035 section 4.1: the length of its header in bytes, bits of the second word, and the longest name and
// label.
const (
	headerLength  = 12
	isResponse    = 1 << 15
	operationBits = 0xf << 11
	longestName   = 255
	longestLabel  = 63
)

// mostQuestions are taken from a message: resolvers ask one.
const mostQuestions = 4

// questionTypes by number, IANA's "DNS Parameters".
var questionTypes = map[uint16]string{
	1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 10: "NULL", 12: "PTR", 13: "HINFO", 15: "MX", 16: "TXT", 28: "AAAA", 29: "LOC", 33: "SRV",
	35: "NAPTR", 39: "DNAME", 41: "OPT", 43: "DS", 44: "SSHFP", 46: "RRSIG", 47: "NSEC", 48: "DNSKEY", 50: "NSEC3", 52: "TLSA",
	64: "SVCB", 65: "HTTPS", 99: "SPF", 251: "IXFR", 252: "AXFR", 255: "ANY", 256: "URI", 257: "CAA",
}

// questions of a DNS message that a process sent, which may be anything: nil when it is none that asks. A message that was cut
// has those that are whole. It is not read by x/net's dnsmessage, which refuses a label with a dot in it: resolvers pass such
// names on, so that a process could hide what it asks.
func questions(message []byte) (all []event.DNSQuestion) {
	if len(message) < headerLength {
		return nil
	}
	flags, count := binary.BigEndian.Uint16(message[2:]), binary.BigEndian.Uint16(message[4:])
	if flags&(isResponse|operationBits) != 0 {
		return nil
	}
	rest := message[headerLength:]
	for range min(count, mostQuestions) {
		name, after, ok := questionName(rest)
		if !ok || len(after) < 4 { // type and class
			break
		}
		number := binary.BigEndian.Uint16(after)
		text, known := questionTypes[number]
		if !known {
			text = fmt.Sprintf("TYPE%d", number)
		}
		all, rest = append(all, event.DNSQuestion{Name: name, Type: text}), after[4:]
	}
	return all
}

// questionName reads a name; after is what follows it. In a question nothing came before that a pointer could lead to.
func questionName(from []byte) (name string, after []byte, ok bool) {
	var text strings.Builder
	for length := 0; ; {
		if len(from) == 0 {
			return "", nil, false
		}
		size := int(from[0])
		from = from[1:]
		if size == 0 {
			break
		}
		length += 1 + size
		if size > longestLabel || size > len(from) || length >= longestName {
			return "", nil, false
		}
		if text.Len() > 0 {
			text.WriteByte('.')
		}
		writeLabel(&text, from[:size])
		from = from[size:]
	}
	if text.Len() == 0 {
		return ".", from, true
	}
	return text.String(), from, true
}

// writeLabel writes a label as zone files have it: RFC 1035 section 5.1.
func writeLabel(text *strings.Builder, label []byte) {
	for _, c := range label {
		switch {
		case c == '.' || c == '\\':
			text.WriteByte('\\')
			text.WriteByte(c)
		case c > ' ' && c <= '~':
			text.WriteByte(c)
		default:
			fmt.Fprintf(text, "\\%03d", c)
		}
	}
}
