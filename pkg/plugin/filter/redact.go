// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
)

// redacted stands where something was taken out, as in Tetragon.
const redacted = "*****"

// redaction takes out texts. All texts of an event are looked through but the few that identify and order things, so that a
// field that comes new is not forgotten.
type redaction struct {
	patterns []*regexp.Regexp
	// places are the fields to look through, by struct.
	places map[reflect.Type][]int
}

// sparedTypes hold no text of a process: names that the API server gave, and vocabularies. Events share them.
var sparedTypes = []reflect.Type{
	reflect.TypeFor[event.Pod](), reflect.TypeFor[event.Timestamp](), reflect.TypeFor[event.Capabilities](), reflect.TypeFor[event.Namespaces](),
	reflect.TypeFor[event.ProcessCredentials](), reflect.TypeFor[event.BinaryProperties](), reflect.TypeFor[event.UserNamespace](),
	reflect.TypeFor[event.Loss](), reflect.TypeFor[event.Totals](),
}

// sparedFields are identities, and words of vocabularies by which events are told apart and counted; by their names in JSON.
var sparedFields = map[reflect.Type][]string{
	reflect.TypeFor[event.Event]():             {"node_name"},
	reflect.TypeFor[event.Process]():           {"exec_id", "parent_exec_id", "docker", "flags"},
	reflect.TypeFor[event.ProcessExit]():       {"signal"},
	reflect.TypeFor[event.Hooked]():            {"action", "policy_name", "tags"},
	reflect.TypeFor[event.Handling]():          {"would", "via"},
	reflect.TypeFor[event.ProcessKprobe]():     {"function_name", "return_action"},
	reflect.TypeFor[event.ProcessTracepoint](): {"subsys", "event"},
	reflect.TypeFor[event.ProcessLsm]():        {"function_name", "ima_hash"},
	reflect.TypeFor[event.ProcessLoader]():     {"buildid"},
	reflect.TypeFor[event.Hello]():             {"session", "boot_id", "tiers"},
	reflect.TypeFor[event.Hook]():              {"backend", "tier"},
	reflect.TypeFor[event.Notice]():            {"level"},
	reflect.TypeFor[event.Bye]():               {"reason"},
}

// newRedaction reads regular expressions.
func newRedaction(values []string) (*redaction, error) {
	r := &redaction{places: map[reflect.Type][]int{}}
	var errs []error
	for _, value := range values {
		pattern, err := expression(value)
		if err == nil && pattern.MatchString("") {
			err = errors.New("this matches an empty text, so it says nothing about what to take out")
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("--redact %q: %w", value, err))
		}
		r.patterns = append(r.patterns, pattern)
	}
	r.learn(reflect.TypeFor[event.Event]())
	return r, errors.Join(errs...)
}

// learn notes which fields of a struct, and of what it holds, have texts.
func (r *redaction) learn(t reflect.Type) (texts bool) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		if t.Elem().Kind() == reflect.Uint8 {
			return true
		}
		t = t.Elem()
	}
	switch {
	case t.Kind() == reflect.String:
		return true
	case t.Kind() != reflect.Struct || slices.Contains(sparedTypes, t):
		return false
	}
	if _, known := r.places[t]; !known {
		var places []int
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() && !slices.Contains(sparedFields[t], nameOf(f)) && r.learn(f.Type) {
				places = append(places, i)
			}
		}
		r.places[t] = places
	}
	return len(r.places[t]) > 0
}

func (r *redaction) empty() bool { return len(r.patterns) == 0 }

func (r *redaction) event(e *event.Event) {
	if !r.empty() {
		r.value(reflect.ValueOf(e).Elem())
	}
}

// value looks through what can be changed.
func (r *redaction) value(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			r.value(v.Elem())
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			if before := string(v.Bytes()); v.Len() > 0 && r.text(before) != before {
				v.SetBytes([]byte(r.text(before)))
			}
			return
		}
		for i := range v.Len() {
			r.value(v.Index(i))
		}
	case reflect.String:
		if before := v.String(); r.text(before) != before {
			v.SetString(r.text(before))
		}
	case reflect.Struct:
		for _, i := range r.places[v.Type()] {
			r.value(v.Field(i))
		}
	}
}

// text takes out what each expression matches, one after the other.
func (r *redaction) text(text string) string {
	for _, pattern := range r.patterns {
		text = takeOut(pattern, text)
	}
	return text
}

// span is a part of a text.
type span struct{ from, to int }

// takeOut replaces the groups of each match, and the whole match where no group took part in it.
func takeOut(pattern *regexp.Regexp, text string) string {
	var secret []span
	for _, match := range pattern.FindAllStringSubmatchIndex(text, -1) {
		groups := false
		for i := 2; i < len(match); i += 2 {
			if match[i] >= 0 {
				groups = true
				secret = append(secret, span{match[i], match[i+1]})
			}
		}
		if !groups {
			secret = append(secret, span{match[0], match[1]})
		}
	}
	if len(secret) == 0 {
		return text
	}
	// Groups are numbered by their places in the expression, and may be inside of others.
	slices.SortFunc(secret, func(a, b span) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(b.to, a.to)) })
	var out strings.Builder
	done := 0
	for _, s := range secret {
		if s.from >= done && s.from < s.to {
			out.WriteString(text[done:s.from] + redacted)
			done = s.to
		}
	}
	return out.String() + text[done:]
}

// redactStage redacts events on their way.
type redactStage struct{ redaction *redaction }

// Pass redacts an item's event.
func (s redactStage) Pass(it *pipeline.Item) bool {
	if subjects, ok := it.Event.Subjects(); ok {
		*subjects.Process, *subjects.Parent = ownCopy(*subjects.Process), ownCopy(*subjects.Parent)
		if list := *subjects.Ancestors; len(list) > 0 {
			own := make([]*event.Process, len(list))
			for i := range list {
				own[i] = ownCopy(list[i])
			}
			*subjects.Ancestors = own
		}
	}
	s.redaction.event(it.Event)
	return true
}

// ownCopy is a process whose texts can be changed.
func ownCopy(p *event.Process) *event.Process {
	if p == nil {
		return nil
	}
	own := *p
	if own.BinaryProperties != nil {
		properties := *own.BinaryProperties
		properties.PrivilegesChanged = slices.Clone(properties.PrivilegesChanged)
		own.BinaryProperties = &properties
	}
	if own.ProcessCredentials != nil {
		credentials := *own.ProcessCredentials
		credentials.Securebits = slices.Clone(credentials.Securebits)
		own.ProcessCredentials = &credentials
	}
	return &own
}
