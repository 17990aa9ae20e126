// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"hash/maphash"
	"sync"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
)

// folds are what rules said before: of one rule in one container, of what one process started, the 1st, 10th, 100th, … is shown, with how
// often it was so. The rest is counted.
type folds struct {
	mu    sync.Mutex
	seed  maphash.Seed
	times map[uint64]uint64
}

// mostFolds are kept, about 50 bytes each. Then all are forgotten: what comes is shown again.
const mostFolds = 50_000

func newFolds() *folds { return &folds{seed: maphash.MakeSeed(), times: map[uint64]uint64{}} }

// shown are the detections of an event that are shown.
func (f *folds) shown(it *pipeline.Item) (shown []event.Detection) {
	for i := range it.Event.Detections {
		if d := &it.Event.Detections[i]; f.shows(it, d) {
			shown = append(shown, *d)
		}
	}
	return shown
}

// shows says whether a detection is one that is shown, and tells it how often it was so.
func (f *folds) shows(it *pipeline.Item, d *event.Detection) bool {
	by := ""
	if p := it.Event.Process(); p != nil {
		by = p.ParentExecID
	}
	var h maphash.Hash
	h.SetSeed(f.seed)
	for _, text := range []string{d.Language, d.Rule, it.Process.Source, by} {
		_, _ = h.WriteString(text)
		_ = h.WriteByte(0)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.times) >= mostFolds {
		clear(f.times)
	}
	f.times[h.Sum64()]++
	d.Times = f.times[h.Sum64()]
	n := d.Times
	for n%10 == 0 {
		n /= 10
	}
	return n == 1
}
