// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"encoding/json"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// encodedProcess is a process as it stands in a frame: `"<exec_id>":{…}`.
type encodedProcess struct {
	id   string
	json []byte
}

// shortArguments is what is left of the arguments of a process that an event only names as a parent, when space is short.
const shortArguments = 256

func encodeProcess(p Process) encodedProcess {
	id := p.ExecID
	p.ExecID = "" // the key says it
	body, err := json.Marshal(p)
	if err != nil { // only a start time outside the years 0–9999 can do that
		p.StartTime = nil
		body, _ = json.Marshal(p)
	}
	key, _ := json.Marshal(id)
	return encodedProcess{id, append(append(key, ':'), body...)}
}

// fit encodes processes and shortens what can be shortened until all fit into budget bytes: first the arguments of the
// parents, farthest first, then those of the process itself, then its directory and its binary (a path of 4 KiB of control
// characters takes 24 KiB as JSON). Every cut is marked in the flags.
func fit(budget int, processes []*Process) []encodedProcess {
	encoded := make([]encodedProcess, len(processes))
	total := 0
	for i, p := range processes {
		encoded[i] = encodeProcess(*p)
		total += len(encoded[i].json) + 1
	}
	for i := len(processes) - 1; i >= 0 && total > budget; i-- {
		copied := *processes[i]
		for _, cut := range cuts {
			if total <= budget {
				break
			}
			field, room := cut.field(&copied), shortArguments
			if i == 0 { // the process itself keeps as much as there is room for
				room = max(shortArguments, quotedLength(*field)-(total-budget)-len(event.FlagTruncatedArguments.String()))
			}
			if !shorten(field, room) {
				continue
			}
			total -= len(encoded[i].json)
			copied.Flags = (event.ParseFlags(copied.Flags) | cut.flag).String()
			encoded[i] = encodeProcess(copied)
			total += len(encoded[i].json)
		}
	}
	return encoded
}

// cuts are the fields that may be shortened, in this order, and the flag that says so.
var cuts = [...]struct {
	field func(*Process) *string
	flag  event.Flag
}{
	{func(p *Process) *string { return &p.Arguments }, event.FlagTruncatedArguments},
	{func(p *Process) *string { return &p.Cwd }, event.FlagErrorCwd},
	{func(p *Process) *string { return &p.Binary }, event.FlagErrorFilename},
}

// quotedLength is the length of s as JSON, without the quotes.
func quotedLength(s string) int {
	quoted, _ := json.Marshal(s) // a string can always be marshalled
	return len(quoted) - 2
}

// shorten cuts s to at most room bytes of JSON at a character's border, and says whether it had to.
func shorten(s *string, room int) bool {
	size := 0
	for i, r := range *s {
		if size += quotedLength(string(r)); size > room {
			*s = (*s)[:i]
			return true
		}
	}
	return false
}
