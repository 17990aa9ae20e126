// SPDX-License-Identifier: Apache-2.0

// Package tetragonapi checks JSON of events against Tetragon's own API (module github.com/cilium/tetragon/api), so that its tools
// read each line. It links nothing of Kubernetes.
package tetragonapi

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/cilium/tetragon/api/v1/tetragon"
	"google.golang.org/protobuf/encoding/protojson"
)

// extraFields are all fields in the JSON of events that Tetragon's API v1.6.0 does not have, by where they stand; its tools leave
// them out. Nothing else may differ from the API.
var extraFields = map[string][]string{
	besideBody: {
		"executable",         // the file that an exec loaded, where it is not process.binary
		"connection",         // what is known of a connection besides
		"credentials_change", // what changed
		"detections",         // what rules say
		"throttled",          // pod and number of events, with process_throttle
		"loss",               // cause and number of lost events, with process_throttle
	},
	anyBody: {
		"via",            // the hook that stands in for the one that was asked for
		"would",          // actions that were not taken, because nothing is enforced
		"selector_label", // the label of the selector that matched
		"urls",           // of GetUrl
		"domains",        // of DnsLookup
	},
	// What only some events of Tetragon have, later versions or none.
	"process_loader":     {"parent", "ancestors"},
	"process_lsm":        {"data"},
	"process_tracepoint": {"data"},
	"process_uprobe":     {"data"},
	"process_usdt":       {"data"},
	anywhere: {
		"error_arg", "sockaddrun_arg", // arguments, since v1.7
	},
}

// Places of extraFields that are no names of bodies.
const (
	besideBody = "beside the body"
	anyBody    = "in each body"
	anywhere   = "anywhere"
)

// Check says why tetra getevents, v1.6, would not read a line of JSON output as it was written: in -o json, which repeats the
// event, or in -o compact, which ends at what it can't show. The line is without its line feed.
func Check(line []byte) error {
	if len(line) >= bufio.MaxScanTokenSize {
		return fmt.Errorf("%d bytes: tetra reads lines of less than %d", len(line), bufio.MaxScanTokenSize)
	}
	e, err := Decode(line)
	if err != nil {
		return err
	}
	switch e.Event.(type) {
	case nil:
		return errors.New("no event that the API knows")
	case *tetragon.GetEventsResponse_RateLimitInfo, *tetragon.GetEventsResponse_Test:
		return fmt.Errorf("%s is no event that compact output shows", e.EventType())
	case *tetragon.GetEventsResponse_ProcessThrottle:
		return nil
	}
	about, is := e.Event.(interface{ GetProcess() *tetragon.Process })
	if body := reflect.ValueOf(e.Event).Elem().Field(0).Interface(); !is {
		about, is = body.(interface{ GetProcess() *tetragon.Process })
	}
	if !is || about.GetProcess() == nil {
		return fmt.Errorf("%s without a process", e.EventType())
	}
	return nil
}

// Decode reads the JSON of an event strictly: each field but our own has to be the API's, and the API has to write the same JSON
// again, so that names, types of numbers and what is left out are its own too.
func Decode(line []byte) (*tetragon.GetEventsResponse, error) {
	event, err := decodeObject(line)
	if err != nil {
		return nil, err
	}
	without(event, extraFields[besideBody])
	for name, body := range event {
		if body, is := body.(map[string]any); is && strings.HasPrefix(name, "process_") {
			without(body, slices.Concat(extraFields[anyBody], extraFields[name]))
		}
	}
	withoutBelow(event, extraFields[anywhere])
	text, err := json.Marshal(event)
	if err != nil {
		return nil, err
	}
	var e tetragon.GetEventsResponse
	if err := protojson.Unmarshal(text, &e); err != nil {
		return nil, fmt.Errorf("Tetragon's API does not know it: %w", err)
	}
	if text, err = (protojson.MarshalOptions{UseProtoNames: true}).Marshal(&e); err != nil {
		return nil, err
	}
	again, err := decodeObject(text)
	if err != nil {
		return nil, err
	}
	if different := differences("", event, again); len(different) > 0 {
		return nil, fmt.Errorf("Tetragon writes it otherwise: %s", strings.Join(different, "; "))
	}
	return &e, nil
}

func decodeObject(text []byte) (object map[string]any, err error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&object); err != nil {
		return nil, fmt.Errorf("no JSON object: %w", err)
	}
	if decoder.More() {
		return nil, errors.New("more than one JSON object")
	}
	return object, nil
}

func without(object map[string]any, names []string) {
	for _, name := range names {
		delete(object, name)
	}
}

func withoutBelow(value any, names []string) {
	switch value := value.(type) {
	case map[string]any:
		without(value, names)
		for _, of := range value {
			withoutBelow(of, names)
		}
	case []any:
		for _, of := range value {
			withoutBelow(of, names)
		}
	}
}

// differences are the places where two values differ, with both.
func differences(at string, ours, theirs any) (all []string) {
	switch ours := ours.(type) {
	case map[string]any:
		other, _ := theirs.(map[string]any)
		both := maps.Clone(ours)
		maps.Copy(both, other)
		for name := range both {
			all = append(all, differences(at+"."+name, ours[name], other[name])...)
		}
		return all
	case []any:
		other, _ := theirs.([]any)
		if len(other) == len(ours) {
			for i := range ours {
				all = append(all, differences(fmt.Sprintf("%s[%d]", at, i), ours[i], other[i])...)
			}
			return all
		}
	}
	if !reflect.DeepEqual(ours, theirs) {
		all = append(all, fmt.Sprintf("%s is %v, there %v", strings.TrimPrefix(at, "."), ours, theirs))
	}
	return all
}
