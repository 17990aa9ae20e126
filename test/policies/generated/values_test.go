// SPDX-License-Identifier: Apache-2.0

//go:build linux

package generated

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// valuesOf operators whose values are of a kind of their own; the values of others are of the argument's type.
var valuesOf = map[string]func(*generator) string{
	"SAddr": (*generator).address, "NotSAddr": (*generator).address, "DAddr": (*generator).address, "NotDAddr": (*generator).address,
	"SPort": (*generator).port, "NotSPort": (*generator).port, "DPort": (*generator).port, "NotDPort": (*generator).port,
	"Protocol": words("IPPROTO_TCP", "IPPROTO_UDP", "17"), "Family": words("AF_INET", "AF_INET6", "AF_UNIX", "2"),
	"State": words("TCP_ESTABLISHED", "TCP_SYN_SENT", "7"), "CapabilitiesGained": words("CAP_SYS_ADMIN", "CAP_BPF"),
	"FileType": words("reg", "dir", "fifo"), "NotFileType": words("reg", "socket"),
}

func words(list ...string) func(*generator) string {
	return func(g *generator) string { return pick(&g.choices, list) }
}

func (g *generator) value(operator string, t *policy.ArgumentType) string {
	if make := valuesOf[operator]; make != nil {
		return make(g)
	}
	switch t.Class {
	case policy.ClassNumber, policy.ClassCapabilities:
		n := g.numberOf(t)
		if strings.HasSuffix(operator, "InRange") {
			return n + ":" + n
		}
		return n
	case policy.ClassCapability:
		return pick(&g.choices, []string{"CAP_CHOWN", "CAP_SYS_ADMIN", "21"})
	case policy.ClassSyscall:
		return strconv.Itoa(g.of(256))
	}
	return g.text()
}

// numberOf is one that a type holds.
func (g *generator) numberOf(t *policy.ArgumentType) string {
	n := g.number()
	if t.Bits < 64 {
		n &= 1<<t.Bits - 1
	}
	if t.Signed {
		shift := 64 - t.Bits
		return strconv.FormatInt(int64(n<<shift)>>shift, 10)
	}
	return strconv.FormatUint(n, 10)
}

// text is a path, an abstract name or anything, short or as long as the language allows.
func (g *generator) text() string {
	switch g.of(5) {
	case 0:
		return "/etc/" + strings.Repeat("passwd/", g.of(4)) + "x"
	case 1:
		return strings.Repeat("/a", 1+g.of(250))
	case 2:
		return "@" + strings.Repeat("n", 1+g.of(90))
	case 3:
		return strings.Repeat("x", 1+g.of(100))
	}
	return fmt.Sprintf("%x", g.number())
}

func (g *generator) address() string {
	return pick(&g.choices, []string{"127.0.0.1", "10.0.0.0/8", "::1", "fe80::/10", "0.0.0.0/0", "::/0", "192.168.1.7/32", "2001:db8::/33"})
}

func (g *generator) port() string {
	low := 1 + g.of(200)
	if g.one(3) {
		return fmt.Sprintf("%d:%d", low, low+g.of(256)*200)
	}
	return strconv.Itoa(low)
}

// expression compares an argument.
func (g *generator) expression(index int) string {
	term := func() string {
		arg := fmt.Sprintf("arg%d", index)
		return pick(&g.choices, []string{arg + " == 1", "and(" + arg + ", 3) != 0", arg + " < 7", "!(" + arg + " >= 9)", "or(" + arg + ", 1) > 4"})
	}
	return strings.Join(several(&g.choices, 20, term), pick(&g.choices, []string{" && ", " || "}))
}

func (g *generator) membership() string { return pick(&g.choices, []string{"In", "NotIn"}) }

func (g *generator) namespace() string { return policy.Namespace(g.of(10)).String() }

func (g *generator) pids() object {
	values := several(&g.choices, 30, func() uint32 { return uint32(g.number()) })
	return object{"operator": g.membership(), "values": values, "isNamespacePID": g.one(2), "followForks": g.one(2)}
}

func (g *generator) capabilities() object {
	return object{
		"type": policy.CapabilitySet(g.of(3)).String(), "operator": g.membership(), "isNamespaceCapability": g.one(2),
		"values": several(&g.choices, 4, func() string {
			return pick(&g.choices, []string{"CAP_CHOWN", "CAP_SYS_ADMIN", "CAP_BPF", "CAP_NET_RAW"})
		}),
	}
}

func (g *generator) binaries() object {
	return object{
		"operator": pick(&g.choices, []string{"In", "NotIn", "Prefix", "NotPrefix", "Postfix", "NotPostfix"}),
		"values":   several(&g.choices, 20, func() string { return "/usr/bin/" + strings.Repeat("x", 1+g.of(60)) }), "followChildren": g.one(2),
	}
}

// socketOf is the place of an argument that is a socket; -1 if there is none.
func socketOf(args []argument) int {
	return slices.IndexFunc(args, func(a argument) bool { return a.typ.Class&(policy.ClassSocket|policy.ClassPacket) != 0 })
}

// parameters of actions.
var parameters = map[string]func(*generator, []argument) any{
	"rateLimit":        func(g *generator, _ []argument) any { return pick(&g.choices, []string{"1m", "30", "2h"}) },
	"rateLimitScope":   func(g *generator, _ []argument) any { return pick(&g.choices, []string{"thread", "process", "global"}) },
	"kernelStackTrace": func(*generator, []argument) any { return true },
	"userStackTrace":   func(*generator, []argument) any { return true },
	"imaHash":          func(*generator, []argument) any { return true },
	"argError":         func(g *generator, _ []argument) any { return -1 - g.of(100) },
	"argSig":           func(g *generator, _ []argument) any { return 1 + g.of(64) },
	"argSock":          func(_ *generator, args []argument) any { return args[socketOf(args)].index },
	"argFd":            func(_ *generator, args []argument) any { return args[0].index },
	"argName":          func(_ *generator, args []argument) any { return args[len(args)-1].index },
	"argUrl":           func(*generator, []argument) any { return "http://127.0.0.1/x" },
	"argFqdn":          func(*generator, []argument) any { return "canary.example.com" },
}

// action is one that the kind of hook can have.
func (g *generator) action(kind policy.HookKind, args []argument, atReturn bool) object {
	var fitting []policy.ActionParameters
	for _, a := range policy.Actions() {
		known := true
		for _, name := range a.Needs {
			known = known && parameters[name] != nil
		}
		if a.Kind == policy.TrackSock || a.Kind == policy.UntrackSock {
			known = socketOf(args) >= 0
		}
		if a.Hooks&kind != 0 && (a.AtReturn || !atReturn) && known && len(args) > 0 {
			fitting = append(fitting, a)
		}
	}
	if len(fitting) == 0 {
		return object{"action": "Post"}
	}
	a := pick(&g.choices, fitting)
	g.notifies = g.notifies || a.Kind == policy.NotifyEnforcer
	o := object{"action": a.Kind.String()}
	for _, name := range a.Needs {
		o[name] = parameters[name](g, args)
	}
	for i, name := range a.Takes {
		if name == "rateLimitScope" && o["rateLimit"] == nil {
			continue
		}
		if make := parameters[name]; make != nil && (a.OneOf && i == 0 || name == "argSock" || g.one(4)) {
			o[name] = make(g, args)
		}
	}
	return o
}
