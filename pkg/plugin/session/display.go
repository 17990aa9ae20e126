// SPDX-License-Identifier: Apache-2.0

package session

import (
	"fmt"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/render"
)

// displayQueue is how many events may wait for the renderer; what comes on top waits in its node's stream, which counts
// what it has to drop.
const displayQueue = 256

// display is the one writer: it takes the events of all nodes and gives them to the renderer one at a time.
type display struct {
	renderer pipeline.Sink
	// most is how many events about processes are shown at most; 0: all.
	most  uint64
	stop  *Stop
	queue chan entry
	done  chan struct{}
	shown uint64
	// failed is why writing ended; valid once done is closed.
	failed error
}

type entry struct {
	item  *pipeline.Item
	tally *tally
}

func newDisplay(r pipeline.Sink, most uint64, stop *Stop) *display {
	return &display{renderer: r, most: most, stop: stop, queue: make(chan entry, displayQueue), done: make(chan struct{})}
}

// put waits until there is room. Nothing may be put after close.
func (d *display) put(it *pipeline.Item, t *tally) {
	select {
	case d.queue <- entry{it, t}:
	case <-d.done: // only after a panic
	}
}

// run shows until close. It never stops taking events: whoever puts must not hang when writing failed.
func (d *display) run() {
	defer close(d.done)
	for e := range d.queue {
		d.show(e)
	}
	if d.failed == nil {
		d.fail(d.renderer.Close())
	}
}

func (d *display) show(e entry) {
	_, counts := e.item.Event.Subjects()
	if d.failed != nil || counts && d.full() && len(render.Enforced(e.item.Event)) == 0 {
		if counts {
			e.tally.filtered.Add(1)
		}
		return
	}
	d.fail(d.renderer.Take(e.item))
	if !counts || d.failed != nil {
		return
	}
	e.tally.shown.Add(1)
	d.shown++
	if d.full() {
		d.stop.Ask(ErrMaxEvents)
	}
}

func (d *display) full() bool { return d.most > 0 && d.shown >= d.most }

func (d *display) fail(err error) {
	switch {
	case err == nil:
		return
	case readerGone(err):
		d.failed = ErrOutputClosed
	default:
		d.failed = fmt.Errorf("write events: %w", err)
	}
	d.stop.Ask(d.failed)
}

// close waits until everything that was put is shown.
func (d *display) close() error {
	close(d.queue)
	<-d.done
	return d.failed
}
