// SPDX-License-Identifier: Apache-2.0

package tetragonapi

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/cilium/tetragon/api/v1/tetragon"
)

// neverFilled are the fields of Tetragon's events that this project does not fill, and why.
var neverFilled = map[string]string{
	"tetragon.GetEventsResponse.rate_limit_info":  "tetra getevents -o compact ends at it: losses are process_throttle",
	"tetragon.GetEventsResponse.test":             "an event of Tetragon's own tests",
	"tetragon.GetEventsResponse.aggregation_info": "events are not aggregated: each line is one",
	"tetragon.GetEventsResponse.cluster_name":     "a session is of one cluster, and a kubeconfig's name for it is the user's own",
	"tetragon.GetEventsResponse.node_labels":      "node_name says which node; its labels are on the cluster and do not change between events",
	"tetragon.Process.refcnt":                     "a debugging aid of the agent's process cache, of which there is none here",
	"tetragon.Process.user":                       "names of users are in files of the node or the image, which the tracer does not read",
	"tetragon.Pod.pod_annotations":                "opt-in there; annotations hold anything, secrets too",
	"tetragon.Container.maybe_exec_probe":         "a guess by the probes of the pod, which would hide what looks like them",
	"tetragon.FileProperties.path":                "the file that was loaded is in executable, whether it was unlinked or not",
}

func TestEachFieldIsFilledOrExplained(t *testing.T) {
	filled := map[protoreflect.FullName]bool{}
	for _, e := range goldenEvents(t) {
		noteFilled(e.ProtoReflect(), filled)
	}
	all := map[protoreflect.FullName]bool{}
	eachField((&tetragon.GetEventsResponse{}).ProtoReflect().Descriptor(), all)
	for field := range all {
		why, listed := neverFilled[string(field)]
		switch {
		case filled[field] && listed:
			t.Errorf("%s is filled, and listed as never filled: %s", field, why)
		case !filled[field] && !listed:
			t.Errorf("%s is filled by no golden event: fill it, or say in neverFilled why not", field)
		}
	}
	for field := range neverFilled {
		if !all[protoreflect.FullName(field)] {
			t.Errorf("%s is no field of Tetragon's events, or one below a field that is never filled", field)
		}
	}
}

// eachField notes the fields of a message and of all that it may hold, but not what is below a field that is never filled.
func eachField(m protoreflect.MessageDescriptor, all map[protoreflect.FullName]bool) {
	fields := m.Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if all[f.FullName()] {
			continue
		}
		all[f.FullName()] = true
		_, never := neverFilled[string(f.FullName())]
		if below := f.Message(); below != nil && !below.IsMapEntry() && !never && !slices.Contains(plain, below.ParentFile().Package()) {
			eachField(below, all)
		}
	}
}

// plain are packages whose messages are values: a number that may be absent, a time.
var plain = []protoreflect.FullName{"google.protobuf"}

func noteFilled(m protoreflect.Message, filled map[protoreflect.FullName]bool) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		filled[f.FullName()] = true
		switch {
		case f.IsMap() || f.Message() == nil:
		case f.IsList():
			for i := range v.List().Len() {
				noteFilled(v.List().Get(i).Message(), filled)
			}
		default:
			noteFilled(v.Message(), filled)
		}
		return true
	})
}
