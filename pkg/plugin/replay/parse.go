// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event/readjson"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/recording"
)

// recorded is an event with what the recorder added.
type recorded struct {
	event.Event
	Seq   uint64           `json:"seq"`
	After uint64           `json:"after"`
	Recv  *event.Timestamp `json:"recv"`
	Aside bool             `json:"aside"`
}

var recordedPlan = readjson.For[recorded](readjson.Repeated[event.Process]())

// parsed are the events of a block.
type parsed struct {
	events []recorded
	// checkpoint and others are lines that are no events; broken those that can't be read, firstBroken says why.
	unknown, broken uint64
	firstBroken     error
}

// parser reads the events of blocks. It belongs to one goroutine.
type parser struct {
	lines *readjson.Reader[recorded]
	usual int
}

func newParser() *parser { return &parser{lines: recordedPlan.NewReader()} }

// known are the kinds of lines that have no event, as far as this version knows them.
var known = map[string]bool{
	recording.KindManifest: true, recording.KindPolicy: true, recording.KindPod: true, recording.KindClock: true, recording.KindFinding: true,
	recording.KindSegmentEnd: true, recording.KindCheckpoint: true, recording.KindIndex: true, recording.KindTrailer: true,
}

// parse reads a block. What is no event is left out and counted, unless it is of the format.
func (p *parser) parse(b recording.Block) parsed {
	made := parsed{events: make([]recorded, 0, p.usual)}
	for line := range b.Lines() {
		if !line.IsEvent() {
			if !known[line.Kind] {
				made.unknown++
			}
			continue
		}
		made.events = append(made.events, recorded{})
		last := &made.events[len(made.events)-1]
		if err := p.lines.Read(line.Text, last); err != nil {
			made.events = made.events[:len(made.events)-1]
			if made.broken++; made.firstBroken == nil {
				made.firstBroken = err
			}
		}
	}
	p.usual = max(p.usual, len(made.events))
	return made
}
