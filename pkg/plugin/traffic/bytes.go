// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/compose"
)

// listening is the state of a listener, which transfers nothing.
const listening = "TCP_LISTEN"

// finSent and finReceived are the states in which a connection is when it is closed, and a FIN counts among its bytes.
var (
	finSent     = map[string]bool{"TCP_FIN_WAIT1": true, "TCP_FIN_WAIT2": true, "TCP_CLOSING": true, "TCP_LAST_ACK": true, "TCP_TIME_WAIT": true}
	finReceived = map[string]bool{"TCP_CLOSE_WAIT": true, "TCP_CLOSING": true, "TCP_LAST_ACK": true, "TCP_TIME_WAIT": true}
)

// transferred are the bytes that the process wrote, whether they have arrived or not, and those that came; nil for what could
// not be read. Connecting means that this end opened the connection: its SYN counts.
func transferred(e *event.Event, state string, connecting bool) (sent, received *uint64) {
	acknowledged, written, unanswered := size(e, compose.NetAcknowledged), number(e, compose.NetWritten), number(e, compose.NetUnanswered)
	if acknowledged != nil && written != nil && unanswered != nil {
		total := *acknowledged + uint64(*written-*unanswered) // the numbers wrap
		sent = new(without(without(total, connecting), finSent[state]))
	}
	if r := size(e, compose.NetReceived); r != nil {
		received = new(without(*r, finReceived[state]))
	}
	return sent, received
}

// without is one less if there is one that is no data.
func without(count uint64, one bool) uint64 {
	if one && count > 0 {
		return count - 1
	}
	return count
}

func size(e *event.Event, label string) *uint64 {
	if a := labelled(e, label); a != nil {
		return a.SizeArg
	}
	return nil
}

func number(e *event.Event, label string) *uint32 {
	if a := labelled(e, label); a != nil {
		return a.UintArg
	}
	return nil
}
