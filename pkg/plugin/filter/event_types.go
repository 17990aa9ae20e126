// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// narrowerTypes are types of events by what happened, which are a part of one of Tetragon's types.
var narrowerTypes = [...]struct {
	name string
	is   criterion
}{
	{"exec-failed", func(e *event.Event) bool { _, failed := e.FailedExec(); return failed }},
}

// EventTypes are the words for the types of events about processes: those of the JSON without "process_", and narrower ones.
func EventTypes() []string {
	var types []string
	for _, body := range bodies() {
		types = append(types, strings.TrimPrefix(body.name, "process_"))
	}
	for _, t := range narrowerTypes {
		types = append(types, t.name)
	}
	return types
}

func ofType(name string) (criterion, error) {
	if !slices.Contains(EventTypes(), name) {
		typed := strings.TrimPrefix(strings.ToLower(name), "process_") // as in the JSON
		return nil, fmt.Errorf("unknown type of event%s", policy.DidYouMean(typed, EventTypes()))
	}
	for _, t := range narrowerTypes {
		if t.name == name {
			return t.is, nil
		}
	}
	kind := event.Kind("PROCESS_" + strings.ToUpper(name))
	return func(e *event.Event) bool { return e.Kind() == kind }, nil
}
