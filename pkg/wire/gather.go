// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"fmt"
	"slices"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event/appendjson"
)

// How events and processes are written.
var (
	eventPlan   = appendjson.For[Event]()
	processPlan = appendjson.For[Process]()
)

// gathered are the events of the current frame and the processes that they name, encoded.
type gathered struct {
	events    []byte // separated by commas
	processes []byte // likewise
	marks     []mark // of each event
	named     []int  // processes that events name, by their place
	ends      []int  // of each process in processes
	// places of processes by exec_id.
	places map[string]int
	added  []string // what has got into places with the latest event

	// What is being encoded, here so that it needs no memory of its own.
	current        Event
	currentProcess Process
}

// mark is where an event ends.
type mark struct {
	events, named int
	enforced      bool
}

// add encodes an event and the processes that are not there yet. It fits if no more than limit bytes are gathered then, and
// event and processes would fit in a frame of their own, of room bytes. If not, all is as it was.
func (g *gathered) add(ev Event, processes []*Process, limit, room int) (fits bool, err error) {
	before := g.lengths()
	g.current = ev
	g.events, err = eventPlan.Append(separated(g.events), &g.current)
	if err != nil {
		g.restore(before)
		return false, fmt.Errorf("%w: %w", ErrEvent, err)
	}
	alone := bodyFrame + len(g.events) - before.events + len(",")
	for _, p := range processes {
		if p == nil {
			continue
		}
		place, ok := g.places[p.ExecID]
		if !ok {
			place = g.put(p.ExecID, g.appendProcess(separated(g.processes), p))
		}
		if !slices.Contains(g.named[before.named:], place) {
			g.named = append(g.named, place)
			alone += g.length(place) + len(",")
		}
	}
	if g.size() > limit || alone > room {
		g.restore(before)
		return false, nil
	}
	g.mark(&g.current.Event)
	return true, nil
}

// addEncoded adds an event that is encoded already, to none.
func (g *gathered) addEncoded(ev Event, body []byte, processes []encodedProcess) {
	g.events = append(g.events, body...)
	for _, p := range processes {
		g.named = append(g.named, g.put(p.id, append(separated(g.processes), p.json...)))
	}
	g.mark(&ev.Event)
}

// put notes a process that was written at the end of processes.
func (g *gathered) put(id string, processes []byte) (place int) {
	place = len(g.ends)
	g.processes = processes
	g.places[id], g.ends, g.added = place, append(g.ends, len(processes)), append(g.added, id)
	return place
}

// mark notes an event that was written at the end of events.
func (g *gathered) mark(e *event.Event) {
	g.marks = append(g.marks, mark{len(g.events), len(g.named), len(e.Enforced()) > 0})
}

// lengths of what is gathered.
type lengths struct{ events, processes, named, ends int }

// lengths begins an event: what is put from now on is its own.
func (g *gathered) lengths() lengths {
	g.added = g.added[:0]
	return lengths{len(g.events), len(g.processes), len(g.named), len(g.ends)}
}

// restore takes back what came since.
func (g *gathered) restore(to lengths) {
	g.events, g.processes, g.named, g.ends = g.events[:to.events], g.processes[:to.processes], g.named[:to.named], g.ends[:to.ends]
	for _, id := range g.added {
		delete(g.places, id)
	}
}

func (g *gathered) reset() {
	g.events, g.processes, g.marks, g.named, g.ends = g.events[:0], g.processes[:0], g.marks[:0], g.named[:0], g.ends[:0]
	clear(g.places)
}

// bodyFrame is what is around processes and events in a body.
const bodyFrame = len(`{"procs":{},"ev":[]}`)

// size of the body that holds everything.
func (g *gathered) size() int { return len(g.events) + len(g.processes) + bodyFrame }

// length of a process.
func (g *gathered) length(place int) int { return len(g.process(place)) }

// process at a place, as it stands in a frame.
func (g *gathered) process(place int) []byte {
	if place == 0 {
		return g.processes[:g.ends[0]]
	}
	return g.processes[g.ends[place-1]+len(",") : g.ends[place]]
}

// span is what the events from..to-1 are: where they are, which processes they name, and how many enforced something.
func (g *gathered) span(from, to int) (events []byte, named []int, enforced int) {
	start, firstNamed := 0, 0
	if from > 0 {
		start, firstNamed = g.marks[from-1].events+len(","), g.marks[from-1].named
	}
	for _, m := range g.marks[from:to] {
		if m.enforced {
			enforced++
		}
	}
	return g.events[start:g.marks[to-1].events], g.named[firstNamed:g.marks[to-1].named], enforced
}

// body appends an object of the events from..to-1 and their processes.
func (g *gathered) body(dst []byte, from, to int) []byte {
	events, named, _ := g.span(from, to)
	dst = append(dst, '{')
	if to-from == len(g.marks) {
		if len(g.processes) > 0 {
			dst = append(append(append(dst, `"procs":{`...), g.processes...), `},`...)
		}
	} else if len(named) > 0 {
		dst = append(dst, `"procs":`...)
		wanted := make([]bool, len(g.ends))
		separator := byte('{')
		for _, place := range named {
			if !wanted[place] {
				wanted[place] = true
				dst = append(append(dst, separator), g.process(place)...)
				separator = ','
			}
		}
		dst = append(dst, `},`...)
	}
	dst = append(append(dst, `"ev":[`...), events...)
	return append(dst, `]}`...)
}

// appendProcess writes a process as it stands in a frame: `"<exec_id>":{…}`.
func (g *gathered) appendProcess(dst []byte, p *Process) []byte {
	dst = append(appendjson.String(dst, p.ExecID), ':')
	g.currentProcess = *p
	g.currentProcess.ExecID = "" // the key says it
	whole, err := processPlan.Append(dst, &g.currentProcess)
	if err != nil { // only a start time outside the years 0–9999 can do that
		g.currentProcess.StartTime = nil
		whole, _ = processPlan.Append(dst, &g.currentProcess)
	}
	return whole
}

// separated is b with a comma at its end unless it is empty.
func separated(b []byte) []byte {
	if len(b) > 0 {
		return append(b, ',')
	}
	return b
}
