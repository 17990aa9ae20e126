// SPDX-License-Identifier: Apache-2.0

package render

import (
	"cmp"
	"hash/maphash"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/processes"
)

// How long events that repeat are held back.
const (
	// settleTime is after how long without another the first of its kind is shown, with those that came along with it; a burst
	// that does not end is shown after longestBurst.
	settleTime   = 100 * time.Millisecond
	longestBurst = time.Second
	// quietTime is after how long without another it is shown how many more there were; if they don't end, after longestCount.
	quietTime    = time.Second
	longestCount = 10 * time.Second
	// sweepTime is how often it is looked for what was held back for long enough.
	sweepTime = 50 * time.Millisecond
)

// mostPending is how many kinds of events are held back or expected again, about 2 KiB each. A process may touch any number of
// files: when there are more, all are shown.
const mostPending = 4096

// repeated is several events of one kind.
type repeated struct {
	count uint64
	// bytes that they moved together, where known says so.
	bytes uint64
	known bool
	// more: others of the kind were shown before, which are not counted here.
	more bool
	// time of the last.
	time *event.Timestamp
}

// times is 1000×, and +1000× where there were others before.
func (n *repeated) times(p *styler) string {
	text := strconv.FormatUint(n.count, 10) + "x"
	if p.UTF8 {
		text = strconv.FormatUint(n.count, 10) + "×"
	}
	if n.more {
		text = "+" + text
	}
	return text
}

// attributes of a wide line: exact, where the text is short.
func (n *repeated) attributes() []attribute {
	bytes := ""
	if n.known {
		bytes = strconv.FormatUint(n.bytes, 10)
	}
	return []attribute{{"calls", strconv.FormatUint(n.count, 10)}, {"bytes", bytes}}
}

// repeatSink shows an item, or several of one kind by the first of them.
type repeatSink interface {
	show(it *pipeline.Item, n *repeated) error
	Flush(now time.Time) error
	Close() error
}

// repeats is the stage before a repeatSink that counts events which repeat. Nothing gets lost in it: what is counted is shown
// when it does not go on, when something else happens to the file or by its process, and at the end. What a process does is
// shown in the order in which it begins; beside what others do, it may be shown late by settleTime, of a burst by longestBurst.
type repeats struct {
	next repeatSink
	now  func() time.Time
	seed maphash.Seed // texts are hostile: nobody may guess which of them collide

	err error
	// kinds that are held back or expected again, and by the process that they are of.
	kinds     map[repeatKind]*pending
	processes map[*processes.Process]map[*pending]bool
	number    uint64
	// swept is when it was last looked for what was held back for long enough.
	swept time.Time
}

// repeatKind is what events have in common that are counted together: the process with its program, and a hash of what it did.
type repeatKind struct {
	process *processes.Process
	program int32
	what    uint64
}

// pending is what has to be shown, or was, of a kind.
type pending struct {
	kind  repeatKind
	files []string
	// repeated is what was not shown yet, first the first of it.
	repeated
	first pipeline.Item
	shown bool
	// since is when the first came that was not shown, last when the last did; number orders the former.
	since, last time.Time
	number      uint64
}

func newRepeats(next repeatSink, now func() time.Time) *repeats {
	return &repeats{next: next, now: now, seed: maphash.MakeSeed(), kinds: map[repeatKind]*pending{}, processes: map[*processes.Process]map[*pending]bool{}}
}

// Take shows an item, or holds it back with others of its kind.
func (r *repeats) Take(it *pipeline.Item) error {
	if kind, t, ok := r.repeatable(it); ok {
		r.count(kind, t, it)
		return r.err
	}
	r.before(it)
	r.pass(it, nil)
	return r.err
}

func (r *repeats) Close() error {
	r.forget(slices.Collect(maps.Values(r.kinds)))
	if err := r.next.Close(); r.err == nil {
		r.err = err
	}
	return r.err
}

// repeatable says of which kind an event is; ok is false when it has to be shown by itself.
func (r *repeats) repeatable(it *pipeline.Item) (kind repeatKind, t transfer, ok bool) {
	e := it.Event
	row, known := functionRowOf(e, ownLook)
	if !known || row.moved == nil || it.Process.Process == nil || len(Enforced(e)) > 0 || hasStack(e) || len(e.Detections) > 0 {
		return kind, t, false
	}
	t = row.moved(e)
	var hash maphash.Hash
	hash.SetSeed(r.seed)
	named := false
	add := func(text string) {
		_, _ = hash.WriteString(text) // never fails
		_ = hash.WriteByte(0)
	}
	for _, one := range t.what {
		named = named || one.text != ""
		add(one.text)
	}
	if !named { // who knows whether it is the same
		return kind, t, false
	}
	h := e.Hooked()
	for _, text := range [...]string{row.word, t.failure, h.PolicyName, h.SelectorLabel} {
		add(text)
	}
	for _, action := range h.Would {
		add(action)
	}
	return repeatKind{process: it.Process.Process, program: it.Process.Program, what: hash.Sum64()}, t, true
}

func hasStack(e *event.Event) bool {
	k := e.ProcessKprobe
	return k != nil && len(k.KernelStackTrace)+len(k.UserStackTrace) > 0
}

// count holds an event back.
func (r *repeats) count(kind repeatKind, t transfer, it *pipeline.Item) {
	now := r.now()
	p := r.kinds[kind]
	if p == nil {
		if len(r.kinds) >= mostPending {
			r.forget(slices.Collect(maps.Values(r.kinds)))
		}
		p = &pending{kind: kind, files: paths(it.Event)}
		r.kinds[kind] = p
		if r.processes[kind.process] == nil {
			r.processes[kind.process] = map[*pending]bool{}
		}
		r.processes[kind.process][p] = true
	}
	if p.repeated.count == 0 {
		r.number++
		p.first, p.since, p.number = *it, now, r.number
	}
	p.last, p.time = now, it.Event.Time
	p.repeated.count++
	p.bytes += t.bytes
	p.known = p.known || t.known
}

// before shows what has to stand before an event.
func (r *repeats) before(it *pipeline.Item) {
	process := it.Process.Process
	if process == nil || len(r.kinds) == 0 {
		return
	}
	exec, exit := it.Event.ProcessExec != nil, it.Event.ProcessExit != nil
	if parent := process.Parent(); exec && parent != nil {
		r.begun(parent)
	}
	if exec || exit {
		r.forget(slices.Collect(maps.Keys(r.processes[process])))
		return
	}
	if len(r.processes[process]) == 0 {
		return
	}
	files := paths(it.Event)
	var touched []*pending
	for p := range r.processes[process] {
		if slices.ContainsFunc(p.files, func(file string) bool { return slices.Contains(files, file) }) {
			touched = append(touched, p)
		}
	}
	r.begun(process)
	r.forget(touched)
}

// begun shows what a process has begun and of which nothing was shown.
func (r *repeats) begun(process *processes.Process) {
	var unseen []*pending
	for p := range r.processes[process] {
		if !p.shown {
			unseen = append(unseen, p)
		}
	}
	r.showAll(unseen)
}

// forget shows what was held back and begins anew with what comes.
func (r *repeats) forget(all []*pending) {
	r.showAll(all)
	for _, p := range all {
		delete(r.kinds, p.kind)
		of := r.processes[p.kind.process]
		if delete(of, p); len(of) == 0 {
			delete(r.processes, p.kind.process)
		}
	}
}

// showAll shows what was held back, in the order in which it began.
func (r *repeats) showAll(all []*pending) {
	slices.SortFunc(all, func(a, b *pending) int { return cmp.Compare(a.number, b.number) })
	for _, p := range all {
		if p.repeated.count == 0 {
			continue
		}
		var n *repeated
		if p.repeated.count > 1 {
			of := p.repeated
			of.more = p.shown
			n = &of
		}
		r.pass(&p.first, n)
		p.shown, p.repeated, p.first = true, repeated{}, pipeline.Item{}
	}
}

func (r *repeats) pass(it *pipeline.Item, n *repeated) {
	if n != nil {
		last := pipeline.Item{Event: it.Event.Clone(), Process: it.Process}
		last.Event.Time = n.time
		it = &last
	}
	if r.err == nil {
		r.err = r.next.show(it, n)
	}
}

// Flush shows what was held back for long enough.
func (r *repeats) Flush(now time.Time) error {
	if len(r.kinds) > 0 && now.Sub(r.swept) >= sweepTime {
		r.swept = now
		r.sweep(now)
	}
	if err := r.next.Flush(now); r.err == nil {
		r.err = err
	}
	return r.err
}

// sweep shows what was held back for long enough at a moment.
func (r *repeats) sweep(now time.Time) {
	var due, over []*pending
	for _, p := range r.kinds {
		idle, held := now.Sub(p.last), now.Sub(p.since)
		switch {
		case idle >= quietTime:
			over = append(over, p)
		case p.repeated.count == 0:
		case !p.shown && (idle >= settleTime || held >= longestBurst), held >= longestCount:
			due = append(due, p)
		}
	}
	r.showAll(due)
	r.forget(over)
}
