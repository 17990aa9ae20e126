// SPDX-License-Identifier: Apache-2.0

package compare

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// addresses: = if one of the ends is equal, != if none is, in if one is in the list.
func addresses(s Subject, operator string, values []string) (func(*Value) bool, error) {
	wanted := make([]netip.Addr, len(values))
	for i, value := range values {
		a, err := netip.ParseAddr(value)
		if err != nil || a.Zone() != "" {
			return nil, &TypeError{i, fmt.Sprintf("%s is an IP address, which %q is not%s", s.Name, value, prefixHint(s, value))}
		}
		wanted[i] = a.Unmap()
	}
	return ends(operator, func(a netip.Addr) bool { return slices.Contains(wanted, a) }), nil
}

// prefixHint names the field that compares with a prefix.
func prefixHint(s Subject, value string) string {
	if strings.Contains(value, "/") && strings.HasSuffix(s.Name, "ip") {
		return ": for a prefix use " + strings.TrimSuffix(s.Name, "ip") + "net"
	}
	return ""
}

// networks: = if one of the ends lies in the prefix, != if none does.
func networks(s Subject, operator string, values []string) (func(*Value) bool, error) {
	wanted := make([]netip.Prefix, len(values))
	for i, value := range values {
		p, err := netip.ParsePrefix(value)
		if err != nil {
			return nil, &TypeError{i, fmt.Sprintf("%s is compared with a prefix (10.0.0.0/8), which %q is not", s.Name, value)}
		}
		wanted[i] = p.Masked()
	}
	return ends(operator, func(a netip.Addr) bool {
		return slices.ContainsFunc(wanted, func(p netip.Prefix) bool { return p.Contains(a) })
	}), nil
}

// ends makes the function of an operator from that of one address.
func ends(operator string, equal func(netip.Addr) bool) func(*Value) bool {
	return func(v *Value) bool {
		return slices.ContainsFunc(v.Addresses[:v.Ends], equal) != (operator == "!=")
	}
}
