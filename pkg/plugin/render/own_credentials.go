// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// risesTone makes a rise of privilege stand out.
func risesTone(e *event.Event, r *row) {
	if e.Credentials != nil && e.Credentials.Rises {
		r.tone = toneAlarm
	}
}

// credentialsChanged is what became of a process's ids and capabilities, or what they are where it is not known what they were.
func credentialsChanged(e *event.Event) []piece {
	after, c := argument(e, 0).ProcessCredentialsArg, e.Credentials
	if after == nil || c == nil {
		return everything(e)
	}
	if c.Before == nil {
		return attributes(credentialsText(after), "(before: not known)")
	}
	texts := idChanges(c.Before, after)
	texts = append(texts, namespaceChange(c.Before.UserNs, after.UserNs)...)
	texts = append(texts, capabilityChanges(c.Before.Caps, after.Caps)...)
	texts = append(texts, setChange("securebits ", c.Before.Securebits, after.Securebits)...)
	if len(texts) == 0 {
		return []piece{{toneQuiet, "unchanged, " + credentialsText(after)}}
	}
	return attributes(texts...)
}

// identities of credentials. What file systems see follows the effective id, and is told only where it does not.
var identities = []struct {
	name    string
	id      func(*event.ProcessCredentials) *uint32
	follows func(*event.ProcessCredentials) *uint32
}{
	{"uid", func(c *event.ProcessCredentials) *uint32 { return c.Uid }, nil},
	{"euid", func(c *event.ProcessCredentials) *uint32 { return c.Euid }, nil},
	{"suid", func(c *event.ProcessCredentials) *uint32 { return c.Suid }, nil},
	{"fsuid", func(c *event.ProcessCredentials) *uint32 { return c.Fsuid }, func(c *event.ProcessCredentials) *uint32 { return c.Euid }},
	{"gid", func(c *event.ProcessCredentials) *uint32 { return c.Gid }, nil},
	{"egid", func(c *event.ProcessCredentials) *uint32 { return c.Egid }, nil},
	{"sgid", func(c *event.ProcessCredentials) *uint32 { return c.Sgid }, nil},
	{"fsgid", func(c *event.ProcessCredentials) *uint32 { return c.Fsgid }, func(c *event.ProcessCredentials) *uint32 { return c.Egid }},
}

// idChanges has those that changed alike together: "euid,suid 1001 -> 0".
func idChanges(before, after *event.ProcessCredentials) (texts []string) {
	var names, changes []string
	for _, i := range identities {
		from, to := number(i.id(before)), number(i.id(after))
		if from == to || i.follows != nil && from == number(i.follows(before)) && to == number(i.follows(after)) {
			continue
		}
		change := from + " -> " + to
		if last := len(names) - 1; last >= 0 && changes[last] == change {
			names[last] += "," + i.name
			continue
		}
		names, changes = append(names, i.name), append(changes, change)
	}
	for i := range names {
		texts = append(texts, names[i]+" "+changes[i])
	}
	return texts
}

func namespaceChange(before, after *event.UserNamespace) []string {
	switch {
	case before == nil || after == nil || before.Level == nil || after.Level == nil:
		return nil
	case *before.Level != *after.Level:
		return []string{fmt.Sprintf("user namespace level %d -> %d", *before.Level, *after.Level)}
	case before.Ns != nil && after.Ns != nil && before.Ns.Inum != after.Ns.Inum:
		return []string{fmt.Sprintf("user namespace %d -> %d", before.Ns.Inum, after.Ns.Inum)}
	}
	return nil
}

// capabilityChanges are about what a process may have, and then about what of that is in effect.
func capabilityChanges(before, after *event.Capabilities) []string {
	if before == nil {
		before = &event.Capabilities{}
	}
	if after == nil {
		after = &event.Capabilities{}
	}
	had, has := slices.Concat(before.Permitted, before.Effective), slices.Concat(after.Permitted, after.Effective)
	both := func(names []string) (kept []string) {
		for _, name := range names {
			if slices.Contains(had, name) && slices.Contains(has, name) {
				kept = append(kept, name)
			}
		}
		return kept
	}
	return slices.Concat(setChange("", had, has), setChange("effective ", both(before.Effective), both(after.Effective)),
		setChange("inheritable ", before.Inheritable, after.Inheritable))
}

// weightiest are named first of many: with one of them a process has, or soon has, the others.
var weightiest = []string{"CAP_SYS_ADMIN", "CAP_SYS_MODULE", "CAP_SYS_PTRACE", "CAP_SETUID", "CAP_DAC_OVERRIDE", "DAC_OVERRIDE", "CAP_NET_ADMIN", "CAP_SYS_RAWIO"}

// setChange is what was gained and lost of a set: "+CAP_SYS_ADMIN and 39 more".
func setChange(of string, before, after []string) (texts []string) {
	for _, side := range []struct {
		sign       string
		these, not []string
	}{{"+", after, before}, {"-", before, after}} {
		var names []string
		for _, name := range side.these {
			if !slices.Contains(side.not, name) && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
		if len(names) > 0 {
			texts = append(texts, of+side.sign+someOf(names))
		}
	}
	return texts
}

// mostNames of capabilities stand in a line.
const mostNames = 3

func someOf(names []string) string {
	if len(names) <= mostNames {
		return strings.Join(names, ",")
	}
	slices.SortStableFunc(names, func(a, b string) int { return weight(a) - weight(b) })
	return fmt.Sprintf("%s and %d more", strings.Join(names[:mostNames], ","), len(names)-mostNames)
}

func weight(name string) int {
	if i := slices.Index(weightiest, name); i >= 0 {
		return i
	}
	return len(weightiest)
}
