// SPDX-License-Identifier: Apache-2.0

package library

import (
	"net/netip"

	"go.yaml.in/yaml/v3"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/nearest"
)

// observations reads a list of kinds, alone or with filters: exec, or open: {access: write, path: {equal: /etc/passwd}}.
func (r *reader) observations(to *[]Observation) func(*yaml.Node) {
	return func(n *yaml.Node) {
		r.sequence(n, func(n *yaml.Node) {
			name, filters := n, (*yaml.Node)(nil)
			if n.Kind == yaml.MappingNode && len(n.Content) == 2 {
				name, filters = n.Content[0], n.Content[1]
			}
			text, ok := r.scalar(name)
			k := kindOf(text)
			if !ok {
				return
			}
			if k < 0 {
				r.wrong(name, "%q cannot be observed%s", text, nearest.DidYouMean(text, kindNames()))
				return
			}
			o := Observation{kind: k}
			if filters != nil {
				r.filters(filters, &o)
			}
			*to = append(*to, o)
		})
		if len(*to) == 0 {
			r.wrong(n, "nothing is observed")
		}
	}
}

func (r *reader) filters(n *yaml.Node, o *Observation) {
	k := &kinds[o.kind]
	fields := map[string]field{}
	for _, key := range k.filterKeys() {
		fields[key] = field{false, func(n *yaml.Node) {
			f := filterValues{row: k.filter(key)}
			r.filter(n, &f)
			o.filters = append(o.filters, f)
		}}
	}
	r.mapping(n, k.name, fields)
}

// filter reads the values of one.
func (r *reader) filter(n *yaml.Node, f *filterValues) {
	switch f.row.how {
	case byText:
		t := &f.text
		r.mapping(n, f.row.key, map[string]field{
			"equal": {false, r.texts(&t.Equal)}, "prefix": {false, r.texts(&t.Prefix)}, "suffix": {false, r.texts(&t.Suffix)}, "contains": {false, r.texts(&t.Contains)},
		})
		if len(t.all()) == 0 {
			r.wrong(n, "%s compares with nothing", f.row.key)
		}
	case byNumber:
		if n.Kind == yaml.MappingNode {
			r.mapping(n, f.row.key, map[string]field{"mask": {true, func(n *yaml.Node) { f.mask, _ = r.integer(n) }}})
			return
		}
		fallthrough
	case byPort:
		r.sequence(n, func(n *yaml.Node) {
			if number, ok := r.integer(n); ok {
				f.numbers = append(f.numbers, number)
			}
		})
	case byAddress:
		var addresses []string
		r.texts(&addresses)(n)
		for _, text := range addresses {
			p, err := parsePrefix(text)
			if err != nil {
				r.wrong(n, "%q: want an address or a range of them (10.0.0.0/8)", text)
				continue
			}
			f.addresses = append(f.addresses, p)
		}
	case byAccess:
		r.sequence(n, func(n *yaml.Node) {
			var name string
			word(r, &name, accessNames())(n)
			f.access = append(f.access, name)
		})
	}
}

func parsePrefix(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	return p.Masked(), err
}
