// SPDX-License-Identifier: Apache-2.0

package prefilter

import (
	"net/netip"
	"slices"
	"strings"
)

// Facts are what a kernel sees of a call at its end.
type Facts struct {
	// Paths by their subjects: for each the forms that it has, the absolute path of the process first, then the resolved one. A form
	// that is not known is left out.
	Paths map[string][]string
	// Raw are arguments that are no paths to the filters: RawPath, target.
	Raw map[string]string
	// Integers are arguments by the names of parameters.
	Integers map[string]int64
	Return   int64
	// Family of the socket address, 0 without one, with its Address and Port.
	Family  int64
	Address netip.Addr
	Port    uint16
	// Capabilities are bits by the names of sets.
	Capabilities map[string]uint64
}

// Numbers of address families, and the result of a connection that is being made; include/linux/socket.h, uapi/asm-generic/errno.h.
const (
	inet       = 2
	inet6      = 10
	inProgress = -115
)

// Admits says which events the filter has to let pass, by its own rules: a path in any of its forms, or one that is not in its shortest
// form (//, /./, /../) and so can't be compared; no address where one is asked for.
func (f *Filter) Admits(e *Facts) bool {
	switch f.Kind {
	case Equal, Prefix, Postfix, SubString:
		return f.admitsText(e)
	case Mask:
		return slices.ContainsFunc(f.Numbers, func(bits int64) bool { return e.Integers[f.Subject]&bits != 0 })
	case Integer:
		return slices.Contains(f.Numbers, e.Integers[f.Subject])
	case Return:
		return slices.ContainsFunc(f.Ranges, func(r Range) bool { return r.From <= e.Return && e.Return <= r.To })
	case Family:
		return e.Family == 0 || slices.Contains(f.Numbers, e.Family) ||
			slices.Contains(f.Numbers, inet) && e.Family == inet6 && e.Address.Is4In6()
	case Address:
		return f.admitsAddress(e)
	case Port:
		return e.Family == 0 || slices.Contains(f.Numbers, int64(e.Port))
	case Capability:
		has := slices.ContainsFunc(f.Numbers, func(bit int64) bool { return e.Capabilities[f.Subject]&(1<<bit) != 0 })
		return has != f.Denied
	}
	return true
}

func (f *Filter) admitsAddress(e *Facts) bool {
	if !e.Address.IsValid() {
		return true
	}
	address := e.Address.Unmap()
	in := slices.ContainsFunc(f.Prefixes, func(p netip.Prefix) bool { return p.Contains(address) })
	if !f.Denied {
		return in
	}
	return !in || e.Return < 0 && e.Return != inProgress
}

func (f *Filter) admitsText(e *Facts) bool {
	if raw, ok := e.Raw[f.Subject]; ok {
		return f.fits(raw) || f.Subject == RawPath && strings.Contains(raw, "//")
	}
	forms := e.Paths[f.Subject]
	return slices.ContainsFunc(forms, f.fits) || slices.ContainsFunc(forms, unnormal)
}

// fits compares one text.
func (f *Filter) fits(text string) bool {
	compare := [...]func(text, part string) bool{
		Equal: func(a, b string) bool { return a == b }, Prefix: strings.HasPrefix, Postfix: strings.HasSuffix, SubString: strings.Contains,
	}[f.Kind]
	return slices.ContainsFunc(f.Texts, func(want string) bool { return compare(text, want) })
}

// unnormal says whether a path has a shorter form.
func unnormal(path string) bool {
	return strings.Contains(path, "//") || strings.Contains(path+"/", "/./") || strings.Contains(path+"/", "/../") ||
		len(path) > 1 && strings.HasSuffix(path, "/") || !strings.HasPrefix(path, "/")
}

// Admits says whether all filters let an event pass.
func (c Conjunct) Admits(e *Facts) bool {
	return !slices.ContainsFunc(c, func(f *Filter) bool { return !f.Admits(e) })
}

// Admits says whether one conjunct lets an event pass.
func (p *Program) Admits(e *Facts) bool {
	return p.All || slices.ContainsFunc(p.Conjuncts, func(c Conjunct) bool { return c.Admits(e) })
}
