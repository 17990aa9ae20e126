// SPDX-License-Identifier: Apache-2.0

package prefilter

import (
	"math/rand/v2"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/catalog"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/compare"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/logic"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// call is a random system call: what the kernel sees of it, and what Falco's fields say of it.
type call struct {
	facts    Facts
	lexical  map[string]compare.Value
	resolved map[string]compare.Value
}

func (c *call) Value(r *catalog.Reference, view compare.View, v *compare.Value) {
	if resolved, ok := c.resolved[r.Name]; ok && view == compare.Resolved {
		*v = resolved
		return
	}
	*v = c.lexical[r.Name]
}

// generator makes calls of one type that are about what a condition compares.
type generator struct {
	*rand.Rand
	event *catalog.EventType
	// values that the condition compares, by the names of fields.
	values map[string][]string
	atoms  []*logic.Atom
	has    map[string]bool
}

func newGenerator(seed uint64, event *catalog.EventType, e *logic.Expression) *generator {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, uint64(event.Number))), event: event, values: map[string][]string{}, atoms: e.Atoms(), has: map[string]bool{}}
	for _, a := range g.atoms {
		if field := a.Field(); field != nil {
			g.values[field.Name] = append(g.values[field.Name], a.Values...)
		}
	}
	return g
}

// one is true once in so many times.
func (g *generator) one(in int) bool { return g.IntN(in) == 0 }

// of is one of the values that a field is compared with, or one of others.
func (g *generator) of(field string, others ...string) string {
	choices := slices.Concat(g.values[field], others)
	if len(choices) == 0 {
		return ""
	}
	return choices[g.IntN(len(choices))]
}

// path puts one together from what the path fields are compared with.
func (g *generator) path(fields ...string) string {
	field := fields[g.IntN(len(fields))]
	shape := g.IntN(3)
	v := strings.NewReplacer("*", "x", "?", "y").Replace(g.of(field, "file"))
	switch {
	case strings.HasSuffix(field, "directory"):
		v += "/" + g.of("fd.filename", "f")
	case strings.HasSuffix(field, "filename"):
		v = g.of("fd.directory", "/d") + "/" + v
	case shape == 0:
		v += g.of(field, "x")
	case shape == 1:
		v = g.of(field, "/x", "") + "/" + v
	}
	if !strings.HasPrefix(v, "/") {
		v = "/a/" + v
	}
	return path.Clean(v)
}

// written is a path as a process may write it, and what cwd makes of it.
func (g *generator) written(clean string) (raw, absolute string) {
	switch g.IntN(6) {
	case 0:
		return "/x/.." + clean, "/x/.." + clean
	case 1:
		return "/" + clean, "/" + clean
	case 2:
		return "../" + clean[1:], "/tmp/../" + clean[1:]
	case 3:
		return clean[1:], clean
	case 4:
		return "/./x/../." + clean, "/./x/../." + clean
	}
	return clean, clean
}

func textValue(s string) (v compare.Value) {
	v.SetText(s)
	return v
}

func numberValue(n int64) (v compare.Value) {
	v.SetNumber(n)
	return v
}

func boolValue(b bool) (v compare.Value) {
	v.SetBool(b)
	return v
}

func (g *generator) call() *call {
	c := &call{lexical: map[string]compare.Value{}, resolved: map[string]compare.Value{}}
	c.facts = Facts{Paths: map[string][]string{}, Raw: map[string]string{}, Integers: map[string]int64{}, Capabilities: map[string]uint64{}}
	results := []int64{0, 1, 2, 3, 3, 3, -1, -2, -13, inProgress}
	c.facts.Return = results[g.IntN(len(results))]
	c.lexical["evt.rawres"] = numberValue(c.facts.Return)
	c.lexical["evt.res"] = textValue(catalog.ResultWord(c.facts.Return))
	g.opened(c)
	g.parameters(c)
	g.capabilities(c)
	g.socket(c)
	g.rest(c)
	for name := range c.lexical {
		if !g.possible(name) {
			delete(c.lexical, name)
			delete(c.resolved, name)
		}
	}
	return c
}

// possible says whether events of the type can have a field.
func (g *generator) possible(name string) bool {
	has, known := g.has[name]
	if !known {
		reference, err := catalog.Resolve(name, "", false)
		has = err != nil || reference.PossibleFor(g.event)
		g.has[name] = has
	}
	return has
}

// opened fills in what opens have, and fchmod of the file that it is given.
func (g *generator) opened(c *call) {
	if !slices.Contains(descriptorPaths, g.event.Name) {
		return
	}
	raw, absolute := g.written(g.path("fd.name", "fd.directory", "fd.filename", "fd.nameraw"))
	succeeded := c.facts.Return >= 0
	lexical := path.Clean(absolute)
	c.facts.Raw[RawPath], c.facts.Paths[FilePath] = raw, []string{absolute}
	g.file(c.lexical, lexical, succeeded)
	g.file(c.resolved, lexical, succeeded)
	if succeeded && g.one(2) { // a symbolic link
		other := g.path("fd.name", "fd.directory", "fd.filename")
		c.facts.Paths[FilePath] = append(c.facts.Paths[FilePath], other)
		g.file(c.resolved, other, true)
	}
	for strings.Contains(raw, "//") {
		raw = strings.ReplaceAll(raw, "//", "/")
	}
	c.lexical["fd.nameraw"] = textValue(raw)
	g.flags(c)
}

func (g *generator) file(fields map[string]compare.Value, name string, succeeded bool) {
	fields["fd.name"], fields["fd.directory"] = textValue(name), textValue(path.Dir(name))
	if succeeded {
		fields["fd.filename"] = textValue(path.Base(name))
	}
}

// flags fills in what an open was asked for.
func (g *generator) flags(c *call) {
	flags := uint64(g.IntN(3))
	for _, word := range catalog.OpenFlags() {
		if g.one(4) {
			flags |= word.Number
		}
	}
	mode := uint64(g.IntN(0o10000))
	read, write := catalog.AccessMode(flags)
	c.lexical["evt.is_open_read"], c.lexical["evt.is_open_write"] = boolValue(read), boolValue(write)
	c.lexical["evt.arg.flags"], c.lexical["evt.arg.mode"] = textValue(catalog.OpenFlagWords(flags, "amd64")), textValue(catalog.ModeWords(mode))
	c.facts.Integers["mode"] = int64(mode)
	if g.event.Name != "openat2" {
		c.facts.Integers["flags"] = int64(flags)
	}
	kind := "f"
	if strings.Contains(c.lexical["evt.arg.flags"].Text, "O_DIRECTORY") {
		kind = "d"
	}
	c.lexical["fd.typechar"], c.lexical["fd.num"] = textValue(kind), numberValue(max(c.facts.Return, -1))
}

// parameters fills in the arguments.
func (g *generator) parameters(c *call) {
	for _, name := range []string{"name", "path", "oldpath", "newpath", "linkpath", "filename"} {
		_, absolute := g.written(g.path("evt.arg." + name))
		c.facts.Paths[name] = []string{absolute}
		c.lexical["evt.arg."+name] = textValue(absolute)
		if g.one(2) {
			other := g.path("evt.arg." + name)
			c.facts.Paths[name] = append(c.facts.Paths[name], other)
			c.resolved["evt.arg."+name] = textValue(other)
		}
	}
	c.facts.Raw["target"] = g.of("evt.arg.target", "../x", "/y")
	c.lexical["evt.arg.target"] = textValue(c.facts.Raw["target"])
	if _, open := c.lexical["evt.arg.mode"]; !open {
		mode := uint64(g.IntN(0o10000))
		c.facts.Integers["mode"], c.lexical["evt.arg.mode"] = int64(mode), textValue(catalog.ModeWords(mode))
	}
	request := catalog.PtraceRequests()[g.IntN(len(catalog.PtraceRequests()))].Number
	c.facts.Integers["request"], c.lexical["evt.arg.request"] = int64(request), textValue(catalog.PtraceRequest(request))
	for subject, name := range map[string]func(n int) string{
		"cmd": func(n int) string { return event.BpfCommandName(uint32(n)) }, "domain": func(n int) string { return event.FamilyName(uint16(n)) },
	} {
		number := g.IntN(50)
		c.facts.Integers[subject], c.lexical["evt.arg."+subject] = int64(number), textValue(name(number))
	}
}

func (g *generator) capabilities(c *call) {
	for _, set := range []string{Effective, Permitted} {
		if g.values["thread."+set] == nil {
			continue
		}
		bits := g.Uint64()
		if g.one(3) {
			bits &= g.Uint64() & g.Uint64()
		}
		var words []string
		for bit, name := range event.CapabilityNames() {
			if bits&(1<<bit) != 0 {
				words = append(words, "CAP_"+name)
			}
		}
		c.facts.Capabilities[set], c.lexical["thread."+set] = bits, textValue(strings.Join(words, " "))
	}
}

// address is one that the condition is about, or another.
func (g *generator) address(fields ...string) netip.Addr {
	var all []string
	for _, field := range fields {
		all = append(all, g.values[field]...)
	}
	all = append(all, "10.1.2.3", "8.8.8.8", "127.0.0.1", "::1", "2001:db8::1", "::ffff:8.8.8.8")
	text, _, _ := strings.Cut(all[g.IntN(len(all))], "/")
	return netip.MustParseAddr(text)
}

// unix is the family of sockets without addresses; include/linux/socket.h.
const unix = 1

// socket fills in both ends of a connection.
func (g *generator) socket(c *call) {
	if slices.Contains(descriptorPaths, g.event.Name) {
		return
	}
	if _, socket := map[string]bool{"connect": true, "accept": true, "accept4": true, "listen": true, "sendto": true, "sendmsg": true,
		"recvfrom": true, "recvmsg": true, "dup": true, "dup2": true, "dup3": true}[g.event.Name]; !socket {
		return
	}
	if g.one(6) {
		c.lexical["fd.typechar"], c.lexical["fd.type"] = textValue("u"), textValue("unix")
		c.facts.Family = unix
		return
	}
	remote, local := g.address("fd.sip", "fd.snet", "fd.ip", "fd.net"), g.address("fd.ip", "fd.net")
	port, _ := strconv.Atoi(g.of("fd.sport", "80", "443"))
	if g.event.Name == "connect" || g.event.Name == "sendto" && g.one(2) {
		c.facts.Family, c.facts.Address, c.facts.Port = inet, remote, uint16(port)
		if !remote.Is4() {
			c.facts.Family = inet6
		}
	}
	remote, local = remote.Unmap(), local.Unmap()
	kind, name := "4", "ipv4"
	if remote.Is6() {
		kind, name = "6", "ipv6"
	}
	c.lexical["fd.typechar"], c.lexical["fd.type"], c.lexical["fd.sockfamily"] = textValue(kind), textValue(name), textValue("ip")
	c.lexical["fd.connected"], c.lexical["fd.name_changed"] = boolValue(g.one(4)), boolValue(!g.one(4))
	c.lexical["fd.l4proto"] = textValue(g.of("fd.l4proto", "tcp", "udp"))
	if g.event.Name == "connect" && c.facts.Return < 0 && c.facts.Return != inProgress {
		return
	}
	g.ends(c, local, remote, uint16(port))
}

func (g *generator) ends(c *call, local, remote netip.Addr, port uint16) {
	var both, one, own, two, peer compare.Value
	both.SetAddresses(local, remote)
	one.SetAddress(remote)
	own.SetAddress(local)
	two.SetPorts(uint16(g.IntN(1<<16)), port)
	peer.SetPort(port)
	for _, field := range []string{"fd.ip", "fd.net"} {
		c.lexical[field] = both
	}
	for _, field := range []string{"fd.sip", "fd.snet", "fd.rip", "fd.rnet"} {
		c.lexical[field] = one
	}
	for _, field := range []string{"fd.cip", "fd.cnet", "fd.lip", "fd.lnet"} {
		c.lexical[field] = own
	}
	c.lexical["fd.port"], c.lexical["fd.sport"], c.lexical["fd.rport"] = two, peer, peer
	c.lexical["fd.sip.name"] = compare.Value{State: compare.Present, Texts: []string{g.of("fd.sip.name", "x")}}
}

// rest fills in the fields that a kernel knows nothing of.
func (g *generator) rest(c *call) {
	for _, a := range g.atoms {
		for _, slot := range a.Slots() {
			name, kind := slot.Reference.Name, slot.Reference.Type
			if _, there := c.lexical[name]; there {
				continue
			}
			text := g.of(name, "other")
			switch {
			case g.one(5) || len(a.Values) == 0 && g.one(2):
			case slot.Reference.Any():
				c.lexical[name] = compare.Value{State: compare.Present, Texts: []string{"p", text}}
			case kind == catalog.Number:
				number, _ := strconv.ParseInt(text, 10, 64)
				c.lexical[name] = numberValue(number + int64(g.IntN(3)) - 1)
			case kind == catalog.Bool:
				c.lexical[name] = boolValue(g.one(2))
			case kind == catalog.Text:
				c.lexical[name] = textValue([]string{text, "other", text + "x", "x" + text}[g.IntN(4)])
			}
		}
	}
}
