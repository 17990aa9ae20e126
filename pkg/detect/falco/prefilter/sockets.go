// SPDX-License-Identifier: Apache-2.0

package prefilter

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/logic"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// addressed says whether the call has the socket address of the other end as an argument, which is the server then.
func (t *translation) addressed() bool { return t.event.Name == "connect" || t.event.Name == "sendto" }

// families are what fd.typechar and fd.type say of IP sockets.
var families = map[string]int64{"4": inet, "6": inet6, "ipv4": inet, "ipv6": inet6}

// family translates fd.typechar and fd.type.
func (t *translation) family(a *logic.Atom) normal {
	if !t.addressed() || plainOperator(a) != "=" || a.Modifier != "" {
		return everything
	}
	return texts(a, func(_, value string) normal {
		family, ok := families[value]
		if !ok {
			return everything
		}
		return of(&Filter{Kind: Family, Numbers: []int64{family}})
	})
}

// prefixes are a comparison's constants as networks; an address is one of its own length.
func prefixes(a *logic.Atom) (list []netip.Prefix) {
	for _, value := range a.Values {
		if p, err := netip.ParsePrefix(value); err == nil {
			list = append(list, p.Masked())
		} else if address, err := netip.ParseAddr(value); err == nil {
			address = address.Unmap()
			list = append(list, netip.PrefixFrom(address, address.BitLen()))
		}
	}
	return list
}

// remote translates a comparison of the other end's address.
func (t *translation) remote(a *logic.Atom) normal {
	switch {
	case !t.addressed():
		return everything
	case plainOperator(a) == "=":
		return of(&Filter{Kind: Address, Prefixes: prefixes(a)})
	case a.Operator == "!=":
		return t.notRemote(a)
	}
	return everything
}

// eitherEnd translates a comparison of both addresses: that none is in a network says so of the other end's.
func (t *translation) eitherEnd(a *logic.Atom) normal {
	if t.addressed() && a.Operator == "!=" {
		return t.notRemote(a)
	}
	return everything
}

// notRemote: the other end's address is not among the constants.
func (t *translation) notRemote(a *logic.Atom) normal {
	equal := plainOperator(a) == "="
	if !t.addressed() || !equal && a.Operator != "!=" || len(a.Values) == 0 {
		return everything
	}
	return of(&Filter{Kind: Address, Denied: true, Prefixes: prefixes(a)})
}

// remotePort translates a comparison of the other end's port with numbers.
func (t *translation) remotePort(a *logic.Atom) normal {
	if !t.addressed() || plainOperator(a) != "=" {
		return everything
	}
	return texts(a, func(_, value string) normal {
		port, err := strconv.ParseUint(value, 10, 16)
		if err != nil {
			return everything
		}
		return of(&Filter{Kind: Port, Numbers: []int64{int64(port)}})
	})
}

// capability translates "has a capability": those whose names contain the text.
func (t *translation) capability(a *logic.Atom) normal {
	if a.Operator != "contains" && a.Operator != "icontains" {
		return everything
	}
	return texts(a, func(_, value string) normal { return capabilities(a, value, false) })
}

// noCapability: none of those whose names contain the text. The kernel always knows them.
func (t *translation) noCapability(a *logic.Atom) normal {
	if a.Operator != "contains" && a.Operator != "icontains" || a.Modifier != "" {
		return everything
	}
	return capabilities(a, a.Values[0], true)
}

func capabilities(a *logic.Atom, value string, denied bool) normal {
	if value == "" || strings.Contains(value, " ") {
		return everything
	}
	f := &Filter{Kind: Capability, Subject: strings.TrimPrefix(a.Field().Name, "thread."), Denied: denied}
	for bit, name := range event.CapabilityNames() {
		if a.Comparison.HoldsFor("CAP_" + name) {
			f.Numbers = append(f.Numbers, int64(bit))
		}
	}
	if denied && len(f.Numbers) == 0 {
		return everything
	}
	return of(f)
}
