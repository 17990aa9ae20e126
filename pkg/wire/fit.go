// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// ErrEvent is wrapped by errors about one event that can't be encoded; the events after it may well be.
var ErrEvent = errors.New("event can't be encoded")

// encodedProcess is a process as it stands in a frame: `"<exec_id>":{…}`.
type encodedProcess struct {
	id   string
	json []byte
}

func encodeProcess(process *Process) encodedProcess {
	p := *process
	p.ExecID = "" // the key says it
	body, err := marshal(p)
	if err != nil { // only a start time outside the years 0–9999 can do that
		p.StartTime = nil
		body = mustJSON(p)
	}
	return encodedProcess{process.ExecID, append(append(mustJSON(process.ExecID), ':'), body...)}
}

// shortText is how many bytes of JSON are left of a text that has to make room.
const shortText = 256

// flagRoom is what marking a cut in the flags takes at most: all the words of cuts, and the field itself.
const flagRoom = len(`"flags":"truncArgs errorFilename errorCWD ",`)

// cuts are the texts of a process that may be shortened, in this order, and the flag that says so.
var cuts = [...]struct {
	text func(*Process) *string
	flag event.Flag
}{
	{func(p *Process) *string { return &p.Arguments }, event.FlagTruncatedArguments},
	{func(p *Process) *string { return &p.Cwd }, event.FlagErrorCwd},
	{func(p *Process) *string { return &p.Binary }, event.FlagErrorFilename},
}

// fit encodes an event and its processes, and shortens until all fit into room bytes (a path of 4 KiB of control characters
// takes 24 KiB as JSON). First the event's own body gets what the processes leave, half of the room at least, the name of its
// executable a quarter at most; then, least important first: the texts of parents, farthest first; the texts of the process
// itself, of all of which as much stays as there is room for; then whole parents, farthest first, which their readers know by
// exec_id alone and flag "unknown"; and if even that is not enough, the process's details, marked by the flag "miss".
func fit(room int, ev Event, processes []*Process) ([]byte, []encodedProcess, error) {
	sources := slices.Clone(processes)
	if shorten(&ev.Executable, room/4) && len(sources) > 0 {
		marked := *sources[0]
		marked.Flags = (event.ParseFlags(marked.Flags) | event.FlagErrorFilename).String()
		sources[0] = &marked
	}
	for quoted := len(mustJSON(ev.AncestorIDs)); quoted > room/4; quoted = len(mustJSON(ev.AncestorIDs)) {
		ev.AncestorIDs = ev.AncestorIDs[:len(ev.AncestorIDs)-1] // the last that stays names its parent: the cut shows
	}
	encoded := make([]encodedProcess, len(sources))
	for i, p := range sources {
		encoded[i] = encodeProcess(p)
	}
	names := len(mustJSON(Event{ProcessID: ev.ProcessID, ParentID: ev.ParentID, AncestorIDs: ev.AncestorIDs, Tid: ev.Tid}))
	ev, err := fitBody(ev, max(room/2, room-size(nil, encoded)-names))
	if err != nil {
		return nil, nil, err
	}
	body, err := marshal(ev)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrEvent, err)
	}
	for i := len(encoded) - 1; i >= 0; i-- {
		if excess := size(body, encoded) - room; excess > 0 {
			encoded[i] = cutProcess(sources[i], excess)
		}
	}
	for len(encoded) > 1 && size(body, encoded) > room {
		encoded = encoded[:len(encoded)-1]
	}
	if len(encoded) > 0 && size(body, encoded) > room {
		encoded[0] = cutProcess(withoutDetails(sources[0]), math.MaxInt32)
	}
	if total := size(body, encoded); total > room {
		return nil, nil, fmt.Errorf("%w: %d bytes are more than a frame holds (%d)", ErrEvent, total, room)
	}
	return body, encoded, nil
}

// size is how many bytes an event and processes take in a frame, separators included.
func size(body []byte, processes []encodedProcess) int {
	total := len(body) + 1
	for _, p := range processes {
		total += len(p.json) + 1
	}
	return total
}

// named says whether one of the processes has this exec_id.
func named(processes []*Process, id string) bool {
	for _, p := range processes {
		if p.ExecID == id {
			return true
		}
	}
	return false
}

// distinct are the processes that are not nil, each exec_id once.
func distinct(processes []*Process) []*Process {
	var found []*Process
	for _, p := range processes {
		if p != nil && !named(found, p.ExecID) {
			found = append(found, p)
		}
	}
	return found
}

// withoutDetails is a process without what is reported on request only.
func withoutDetails(process *Process) *Process {
	p := *process
	p.Cap, p.Ns, p.ProcessCredentials = nil, nil, nil
	p.Flags = (event.ParseFlags(p.Flags) | event.FlagMiss).String()
	return &p
}

// cutProcess encodes a process with texts shortened, one after the other, until excess bytes are saved or all are short. No
// more is cut than is needed.
func cutProcess(process *Process, excess int) encodedProcess {
	p := *process
	for _, cut := range cuts {
		if excess <= 0 {
			break
		}
		text := cut.text(&p)
		before := quotedLength(*text)
		if shorten(text, max(shortText, before-excess-flagRoom)) {
			excess -= before - quotedLength(*text)
			p.Flags = (event.ParseFlags(p.Flags) | cut.flag).String()
		}
	}
	return encodeProcess(&p)
}
