// SPDX-License-Identifier: Apache-2.0

// Package sessionlog writes what a session has to say beside its events, for which Tetragon's API has no word: which hooks are
// served, notices, exact losses, how it ended. docs/session-log.md describes the format.
package sessionlog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/terminal"
)

// Type says what a record is about, and so what its body is.
type Type string

// The types of records. What they mean does not change; later versions may have more, and more fields in bodies.
const (
	// TypeHello: event.Hello, once for each start of a tracer.
	TypeHello Type = "hello"
	// TypeLoss: event.Loss.
	TypeLoss Type = "loss"
	// TypeThrottle: Throttle.
	TypeThrottle Type = "throttle"
	// TypeNotice: event.Notice.
	TypeNotice Type = "notice"
	// TypeBye: event.Bye, the end of a tracer.
	TypeBye Type = "bye"
	// TypeUnknown: an event that this version does not know; there is no body.
	TypeUnknown Type = "unknown"
	// TypeSummary: Summary, the last record.
	TypeSummary Type = "summary"
)

// Record is one line of the log.
type Record struct {
	Type Type `json:"type"`
	// Time when it happened, on the node's clock where the node says it.
	Time *event.Timestamp `json:"time,omitempty"`
	// Node that it is about; empty for the whole session.
	Node string `json:"node,omitempty"`
	Body any    `json:"body,omitempty"`
}

// Throttle says that events of a pod are left out from now on, or no longer.
type Throttle struct {
	*event.ProcessThrottle
	*event.Throttled
}

// recordOf is the record of an event, false when it is none of the session's own.
func recordOf(e *event.Event) (Record, bool) {
	r := Record{Time: e.Time, Node: e.NodeName}
	switch e.Kind() {
	case event.KindHello:
		r.Type, r.Body = TypeHello, e.Hello
	case event.KindLoss:
		r.Type, r.Body = TypeLoss, e.Loss
	case event.KindThrottle:
		r.Type, r.Body = TypeThrottle, Throttle{e.ProcessThrottle, e.Throttled}
	case event.KindNotice:
		r.Type, r.Body = TypeNotice, e.Notice
	case event.KindBye:
		r.Type, r.Body = TypeBye, e.Bye
	case event.KindUnknown:
		r.Type = TypeUnknown
	default:
		return r, false
	}
	if r.Time == nil {
		r.Time = &event.Timestamp{Time: time.Now()}
	}
	return r, true
}

// ReadEvent reads a line of output that may hold both, events and records: the event, or what the record was written from. The
// record of a summary is an event without a body. is says whether the line is a record.
func ReadEvent(line []byte) (e event.Event, is bool, err error) {
	var r struct {
		Record
		Body json.RawMessage `json:"body"`
	}
	if err := json.Unmarshal(line, &r); err != nil {
		return e, false, err
	}
	if r.Type == "" {
		return e, false, json.Unmarshal(line, &e)
	}
	e.Time, e.NodeName = r.Time, r.Node
	var body any
	switch r.Type {
	case TypeHello:
		e.Hello = &event.Hello{}
		body = e.Hello
	case TypeLoss:
		e.Loss = &event.Loss{}
		body = e.Loss
	case TypeThrottle:
		e.ProcessThrottle, e.Throttled = &event.ProcessThrottle{}, &event.Throttled{}
		body = &Throttle{e.ProcessThrottle, e.Throttled}
	case TypeNotice:
		e.Notice = &event.Notice{}
		body = e.Notice
	case TypeBye:
		e.Bye = &event.Bye{}
		body = e.Bye
	default:
		return e, true, nil
	}
	if err := json.Unmarshal(r.Body, body); err != nil {
		return e, true, fmt.Errorf("body of a record of type %s: %w", r.Type, err)
	}
	return e, true, nil
}

// line is the record as JSON with a line feed; what could mislead a terminal is escaped, as in events.
func (r Record) line() ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(r); err != nil {
		return nil, fmt.Errorf("session log: record of type %s of node %s: %w", r.Type, r.Node, err)
	}
	return terminal.EscapeJSON(text.Bytes()), nil
}
