// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"
)

// Ranges of numbers in actions: errno values (include/linux/err.h), signals (include/uapi/asm-generic/signal.h).
const (
	maxErrno  = 4095
	maxSignal = 64
)

// actionReading is the state of reading one action.
type actionReading struct {
	*selectorReading
	action Action
	row    *actionRow
}

var actionFields = []field[actionReading]{
	{name: "action", required: true, read: func(c cursor, a *actionReading) {
		text, ok := c.text()
		if a.row = lookupAction(text); a.row != nil {
			a.action.Kind = a.row.kind
		} else if ok {
			c.fail("unknown action %s%s", shown(text), DidYouMean(text, actionNames()))
		}
	}},
	{name: "rateLimit", read: func(c cursor, a *actionReading) { a.action.RateLimit = rateLimit(c) }},
	{name: "rateLimitScope", read: func(c cursor, a *actionReading) {
		n, _ := lookedUp(c, rateLimitScopes, "scope")
		a.action.RateLimitScope = RateLimitScope(n)
	}},
	{name: "kernelStackTrace", read: func(c cursor, a *actionReading) { a.action.KernelStackTrace, _ = c.boolean() }},
	{name: "userStackTrace", read: func(c cursor, a *actionReading) { a.action.UserStackTrace, _ = c.boolean() }},
	{name: "imaHash", read: func(c cursor, a *actionReading) { a.action.IMA = a.imaHash(c) }},
	{name: "argError", read: func(c cursor, a *actionReading) {
		n, ok := c.integer(-maxErrno, maxErrno)
		if ok && n == 0 {
			c.fail("0 is no error: want 1 to %d, with or without a minus", maxErrno)
		}
		a.action.Error = int32(n)
	}},
	{name: "argSig", read: func(c cursor, a *actionReading) {
		lowest := int64(0)
		if a.row != nil && a.row.kind == Signal {
			lowest = 1
		}
		n, _ := c.integer(lowest, maxSignal)
		a.action.Signal = uint32(n)
	}},
	{name: "argRegs", read: func(c cursor, a *actionReading) { a.registers(c) }},
	{name: "argNewSymbol", read: func(c cursor, a *actionReading) { a.action.NewSymbol, _ = c.text() }},
	{name: "argNewAddr", read: func(c cursor, a *actionReading) { a.action.NewAddress, _ = c.unsigned() }},
	{name: "argNewOffset", read: func(c cursor, a *actionReading) { a.action.NewOffset, _ = c.unsigned() }},
	{name: "argFd", read: func(c cursor, a *actionReading) { a.action.FD = a.place(c, ClassNumber|ClassFile) }},
	{name: "argName", read: func(c cursor, a *actionReading) { a.action.Name = a.place(c, ClassNumber|ClassFile|ClassText) }},
	{name: "argSock", read: func(c cursor, a *actionReading) { a.action.Sock = a.place(c, ClassSocket) }},
	{name: "argIndex", read: func(c cursor, a *actionReading) { a.action.Index = a.place(c, ClassNumber|ClassAuto) }},
	{name: "argValue", read: func(c cursor, a *actionReading) {
		n, _ := c.integer(math.MinInt32, math.MaxUint32)
		a.action.Value = uint32(n)
	}},
	{name: "argUrl", read: func(c cursor, a *actionReading) {
		text, ok := c.text()
		u, err := url.Parse(text)
		if ok && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
			c.fail("%s is not a URL of http or https", shown(text))
		}
		a.action.URL = text
	}},
	{name: "argFqdn", read: func(c cursor, a *actionReading) {
		text, ok := c.text()
		if problems := validation.IsDNS1123Subdomain(strings.ToLower(strings.TrimSuffix(text, "."))); ok && len(problems) > 0 {
			c.fail("%s is not a domain name", shown(text))
		}
		a.action.Domain = text
	}},
}

// actions reads matchActions or matchReturnActions.
func (s *selectorReading) actions(c cursor, atReturn bool) (all []Action) {
	seen := map[ActionKind]bool{}
	c.items(func(item cursor) {
		before := len(*c.problems)
		a := actionReading{selectorReading: s, action: Action{Position: item.position(), FD: -1, Name: -1, Sock: -1, Index: -1}}
		fields := object(item, actionFields, &a)
		if a.row == nil {
			return
		}
		a.check(item, fields, atReturn)
		switch {
		case seen[a.row.kind]:
			item.fail("%s is there twice", a.row.name)
		case a.row.kind == NoPost && seen[Post] || a.row.kind == Post && seen[NoPost]:
			item.fail("Post and NoPost exclude each other")
		}
		seen[a.row.kind] = true
		if a.row.kind == NotifyEnforcer && s.notes == nil && len(*c.problems) == before {
			s.notes = &item
		}
		all = append(all, a.action)
	})
	return all
}

// check looks at what depends on the action and its hook.
func (a *actionReading) check(c cursor, seen given, atReturn bool) {
	row := a.row
	optional := row.optional(a.hook)
	for name, at := range seen {
		if name != "action" && !slices.Contains(row.needs, name) && !slices.Contains(row.optional(nil), name) {
			at.fail("%s has no %s%s", row.name, name, only(slices.Concat(row.needs, optional)))
		}
	}
	for _, name := range row.needs {
		if !seen.has(name) {
			c.fail("%s needs %s", row.name, name)
		}
	}
	if row.oneOf && !slices.ContainsFunc(row.optional(nil), seen.has) { // of those that are not for the hook below
		c.fail("%s needs %s", row.name, strings.Join(optional, " or "))
	}
	if seen.has("rateLimitScope") && !seen.has("rateLimit") {
		seen["rateLimitScope"].fail("there is no rateLimit")
	}
	switch {
	case a.hook == nil:
	case row.hooks&a.hook.Kind == 0:
		seen["action"].fail("%s is not for %s: %s", row.name, a.hook.Kind.one(), row.why)
	case atReturn && !row.atReturn:
		seen["action"].fail("%s comes too late at the return", row.name)
	case row.kind == Override:
		a.checkOverride(seen)
	case (row.kind == TrackSock || row.kind == UntrackSock) && !seen.has("argSock"):
		a.action.Sock = a.first(c, ClassSocket, "needs argSock: argument 0 is no socket")
	case row.kind == Set && !seen.has("argIndex"):
		a.action.Index = a.first(c, ClassNumber|ClassAuto, "needs argIndex: argument 0 is no number")
	}
}

// first is argument 0, as the CRD has it: a number that is left out is 0 there.
func (a *actionReading) first(c cursor, classes Class, without string) int {
	place, err := ofArgs.find(a.hook, 0)
	if err != nil || a.hook.Args[place].Type.Class&classes == 0 {
		c.fail("%s %s", a.row.name, without)
		return -1
	}
	return place
}

func only(all []string) string {
	if len(all) == 0 {
		return ", it takes nothing"
	}
	return ", only " + strings.Join(all, ", ")
}

// checkOverride: the kernel's functions are given a value to return, programs registers or another place to go on.
func (a *actionReading) checkOverride(seen given) {
	program := a.hook.Kind == Uprobe
	var places []string
	for name, at := range seen {
		switch {
		case program && name == "argError" && len(seen) > 2: // action itself is the other
			at.fail("it makes the function return at once, which excludes the rest")
		case !program && slices.Contains(a.row.atProgram, name):
			at.fail("only a uprobe's program has it; %s has argError", a.hook.Kind.one())
		case strings.HasPrefix(name, "argNew"):
			places = append(places, name)
		}
	}
	if len(places) > 1 {
		slices.Sort(places)
		seen[places[0]].fail("%s exclude each other", strings.Join(places, " and "))
	}
}

// place returns the place in the hook's arguments that c names, -1 if there is none of these classes.
func (a *actionReading) place(c cursor, classes Class) int {
	number, ok := c.index()
	if !ok || a.hook == nil || a.row == nil || a.row.hooks&a.hook.Kind == 0 {
		return -1
	}
	place, err := ofArgs.find(a.hook, number)
	if err != nil {
		c.fail("%v", err)
		return -1
	}
	if t := a.hook.Args[place].Type; t.Class&classes == 0 {
		c.fail("argument %d has type %s: want one of %s", number, t, strings.Join(typeNames(classes), ", "))
		return -1
	}
	return place
}

// limit is N with a unit; seconds without.
var limit = regexp.MustCompile(`^([0-9]{1,6})([smh]?)$`)

func rateLimit(c cursor) time.Duration {
	text, ok := c.text()
	if !ok {
		return 0
	}
	match := limit.FindStringSubmatch(text)
	if match == nil {
		c.fail("%s is not a time: want seconds, or 30s, 5m, 1h", shown(text))
		return 0
	}
	n, err := strconv.Atoi(match[1])
	if err != nil || n == 0 {
		c.fail("%s is no time: leave it out for no limit", shown(text))
	}
	units := map[string]time.Duration{"": time.Second, "s": time.Second, "m": time.Minute, "h": time.Hour}
	return time.Duration(n) * units[match[2]]
}

// imaHash is for LSM hooks that are about a file.
func (a *actionReading) imaHash(c cursor) bool {
	on, _ := c.boolean()
	if !on || a.hook == nil {
		return on
	}
	if a.hook.Kind != LSM {
		c.fail("the kernel hands hashes only to LSM hooks: want spec.lsmhooks")
		return false
	}
	name := a.hook.Name()
	if !strings.HasPrefix(name, "bprm_") && !strings.HasPrefix(name, "file_") && name != "mmap_file" {
		c.fail("hook %s is about no file: want one of bprm_*, file_* or mmap_file", name)
		return false
	}
	return true
}

func (a *actionReading) registers(c cursor) {
	c.items(func(item cursor) {
		text, ok := item.text()
		if !ok {
			return
		}
		r, err := parseAssignment(text)
		if err != nil {
			item.fail("%v", err)
		} else if regs := a.action.Registers; len(regs) > 0 && regs[0].Register.Architecture != r.Register.Architecture {
			item.fail("%s and %s are of two processors", regs[0].Register.Name, r.Register.Name)
		}
		a.action.Registers = append(a.action.Registers, r)
	})
}

// returnArgAction reads the action of that name, which has no parameters.
func (h *hookReading) returnArgAction(c cursor) *Action {
	text, ok := c.text()
	if !ok {
		return nil
	}
	row := lookupAction(text)
	if row == nil || row.kind != Post && row.kind != TrackSock && row.kind != UntrackSock {
		c.fail("want TrackSock or UntrackSock (Post in older dialects), got %s", shown(text))
		return nil
	}
	return &Action{Position: c.position(), Kind: row.kind, FD: -1, Name: -1, Sock: -1, Index: -1}
}
