// SPDX-License-Identifier: Apache-2.0

package event

// EnforcingAction is the name in policies (Sigkill) of an action that stops a process or what it does, or changes it, by its
// name in events (Action…); empty for other actions.
func EnforcingAction(action string) string {
	switch action {
	case ActionSigkill:
		return "Sigkill"
	case ActionSignal:
		return "Signal"
	case ActionOverride:
		return "Override"
	case ActionNotifyEnforcer:
		return "NotifyEnforcer"
	case ActionSet:
		return "Set"
	}
	return ""
}

// Enforced are the names of the actions that stopped a process, or what it did, in the order of the event; of several in one
// list an event has the last. Nil for most events.
func (e *Event) Enforced() (actions []string) {
	h := e.Hooked()
	if h == nil {
		return nil
	}
	if EnforcingAction(h.Action) != "" {
		actions = append(actions, h.Action)
	}
	if k := e.ProcessKprobe; k != nil && k.ReturnAction != h.Action && EnforcingAction(k.ReturnAction) != "" {
		actions = append(actions, k.ReturnAction)
	}
	return actions
}
