// SPDX-License-Identifier: Apache-2.0

package event

import (
	"slices"
	"testing"
)

func TestEnforced(t *testing.T) {
	for _, test := range []struct {
		e    Event
		want []string
	}{
		{Event{}, nil},
		{Event{ProcessExec: &ProcessExec{}}, nil},
		{Event{ProcessLoader: &ProcessLoader{}}, nil},
		{Event{ProcessLsm: &ProcessLsm{Hooked: Hooked{Action: ActionPost}}}, nil},
		{Event{ProcessLsm: &ProcessLsm{Hooked: Hooked{Action: ActionPost, Handling: Handling{Would: []string{ActionSigkill}}}}}, nil},
		{Event{ProcessLsm: &ProcessLsm{Hooked: Hooked{Action: ActionOverride}}}, []string{ActionOverride}},
		{Event{ProcessTracepoint: &ProcessTracepoint{Hooked: Hooked{Action: ActionSigkill}}}, []string{ActionSigkill}},
		{Event{ProcessUprobe: &ProcessUprobe{Hooked: Hooked{Action: ActionSet}}}, []string{ActionSet}},
		{Event{ProcessUsdt: &ProcessUsdt{Hooked: Hooked{Action: ActionSignal}}}, []string{ActionSignal}},
		{Event{ProcessKprobe: &ProcessKprobe{Hooked: Hooked{Action: ActionNotifyEnforcer}, ReturnAction: ActionPost}}, []string{ActionNotifyEnforcer}},
		{Event{ProcessKprobe: &ProcessKprobe{Hooked: Hooked{Action: ActionPost}, ReturnAction: ActionOverride}}, []string{ActionOverride}},
		{Event{ProcessKprobe: &ProcessKprobe{Hooked: Hooked{Action: ActionSigkill}, ReturnAction: ActionSigkill}}, []string{ActionSigkill}},
		{Event{ProcessKprobe: &ProcessKprobe{Hooked: Hooked{Action: ActionSigkill}, ReturnAction: ActionOverride}}, []string{ActionSigkill, ActionOverride}},
	} {
		if got := test.e.Enforced(); !slices.Equal(got, test.want) {
			t.Errorf("%+v: %v, want %v", test.e, got, test.want)
		}
	}
	for number := range uint32(32) {
		action := ActionName(number)
		if want := slices.Contains([]uint32{3, 5, 10, 13, 15}, number); want != (EnforcingAction(action) != "") {
			t.Errorf("%s: %q", action, EnforcingAction(action))
		}
	}
}
