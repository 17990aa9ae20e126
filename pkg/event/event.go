// SPDX-License-Identifier: Apache-2.0

package event

import "slices"

// Event is one line of JSON output: exactly one of the pointers is set, and says what kind of event it is.
type Event struct {
	ProcessExec *ProcessExec `json:"process_exec,omitempty"`
	ProcessExit *ProcessExit `json:"process_exit,omitempty"`

	ProcessKprobe     *ProcessKprobe     `json:"process_kprobe,omitempty"`
	ProcessTracepoint *ProcessTracepoint `json:"process_tracepoint,omitempty"`
	ProcessLoader     *ProcessLoader     `json:"process_loader,omitempty"`
	ProcessUprobe     *ProcessUprobe     `json:"process_uprobe,omitempty"`
	ProcessLsm        *ProcessLsm        `json:"process_lsm,omitempty"`
	ProcessUsdt       *ProcessUsdt       `json:"process_usdt,omitempty"`
	ProcessThrottle   *ProcessThrottle   `json:"process_throttle,omitempty"`

	// Not Tetragon's: what the stream says about itself.
	Hello  *Hello  `json:"hello,omitempty"`
	Loss   *Loss   `json:"loss,omitempty"`
	Notice *Notice `json:"notice,omitempty"`
	Bye    *Bye    `json:"bye,omitempty"`

	// Executable is the file that process_exec really loaded, where process.binary is not its path: a symbolic link was
	// followed, a script's interpreter runs, or the file has no name (memfd) or none any more ("… (deleted)").
	Executable string `json:"executable,omitempty"`
	// Connection and Credentials are what the reader knows besides.
	Connection  *Connection        `json:"connection,omitempty"`
	Credentials *CredentialsChange `json:"credentials_change,omitempty"`
	// Detections are what rules say of the event.
	Detections []Detection `json:"detections,omitempty"`
	// Throttled is beside ProcessThrottle.
	Throttled *Throttled `json:"throttled,omitempty"`

	NodeName string     `json:"node_name,omitempty"`
	Time     *Timestamp `json:"time,omitempty"`
}

// ProcessExec: a process began to run a program.
type ProcessExec struct {
	Process   *Process   `json:"process,omitempty"`
	Parent    *Process   `json:"parent,omitempty"`
	Ancestors []*Process `json:"ancestors,omitempty"`
}

// ProcessExit: the last thread of a process left.
type ProcessExit struct {
	Process   *Process   `json:"process,omitempty"`
	Parent    *Process   `json:"parent,omitempty"`
	Ancestors []*Process `json:"ancestors,omitempty"`
	// Signal is the name of the signal that ended the process (SIGKILL), empty when it exited by itself.
	Signal string `json:"signal,omitempty"`
	// Status is the exit code, 0–255.
	Status uint32 `json:"status,omitempty"`
	// Time of the exit.
	Time *Timestamp `json:"time,omitempty"`
}

// Kind names an event type as Tetragon does (PROCESS_EXEC).
type Kind string

// The kinds of events.
const (
	KindExec       Kind = "PROCESS_EXEC"
	KindExit       Kind = "PROCESS_EXIT"
	KindKprobe     Kind = "PROCESS_KPROBE"
	KindTracepoint Kind = "PROCESS_TRACEPOINT"
	KindLoader     Kind = "PROCESS_LOADER"
	KindUprobe     Kind = "PROCESS_UPROBE"
	KindLsm        Kind = "PROCESS_LSM"
	KindUsdt       Kind = "PROCESS_USDT"
	KindThrottle   Kind = "PROCESS_THROTTLE"
	KindHello      Kind = "HELLO"
	KindLoss       Kind = "LOSS"
	KindNotice     Kind = "NOTICE"
	KindBye        Kind = "BYE"
	KindUnknown    Kind = "UNDEF"
)

// Subjects point at the fields of an event's body that name processes, so that a reader can fill them in.
type Subjects struct {
	Process, Parent **Process
	Ancestors       *[]*Process
}

// kind is one type of event: its name, how to give an event a body of its own, where its processes are (nil: it has none),
// and where what all hooks have is (nil: it is not of a hook).
type kind struct {
	name     Kind
	own      func(*Event)
	subjects func(*Event) Subjects
	hooked   func(*Event) *Hooked
}

// row makes a kind's entry from the place of its body.
func row[B any](name Kind, body func(*Event) **B, subjects func(*B) Subjects) kind {
	k := kind{
		name: name,
		own: func(e *Event) {
			copied := **body(e)
			*body(e) = &copied
		},
	}
	if subjects != nil {
		k.subjects = func(e *Event) Subjects { return subjects(*body(e)) }
	}
	return k
}

// hook makes the entry of a kind that is of a hook.
func hook[B any](name Kind, body func(*Event) **B, parts func(*B) (process, parent **Process, hooked *Hooked)) kind {
	k := row(name, body, func(b *B) Subjects {
		process, parent, hooked := parts(b)
		return Subjects{process, parent, &hooked.Ancestors}
	})
	k.hooked = func(e *Event) *Hooked {
		_, _, hooked := parts(*body(e))
		return hooked
	}
	return k
}

// The places of bodies in the table of event types.
const (
	noBody = iota
	execBody
	exitBody
	kprobeBody
	tracepointBody
	loaderBody
	uprobeBody
	lsmBody
	usdtBody
	helloBody
	lossBody
	noticeBody
	byeBody
	throttleBody
)

// body says which of the pointers is set; the first, if a hostile sender has set several.
func (e *Event) body() int {
	switch {
	case e.ProcessExec != nil:
		return execBody
	case e.ProcessExit != nil:
		return exitBody
	case e.ProcessKprobe != nil:
		return kprobeBody
	case e.ProcessTracepoint != nil:
		return tracepointBody
	case e.ProcessLoader != nil:
		return loaderBody
	case e.ProcessUprobe != nil:
		return uprobeBody
	case e.ProcessLsm != nil:
		return lsmBody
	case e.ProcessUsdt != nil:
		return usdtBody
	case e.Hello != nil:
		return helloBody
	case e.Loss != nil:
		return lossBody
	case e.Notice != nil:
		return noticeBody
	case e.Bye != nil:
		return byeBody
	case e.ProcessThrottle != nil: // may stand beside Loss
		return throttleBody
	}
	return noBody
}

// kinds is the table of event types.
var kinds = [...]kind{
	noBody: {name: KindUnknown},
	execBody: row(KindExec, func(e *Event) **ProcessExec { return &e.ProcessExec }, func(b *ProcessExec) Subjects {
		return Subjects{&b.Process, &b.Parent, &b.Ancestors}
	}),
	exitBody: row(KindExit, func(e *Event) **ProcessExit { return &e.ProcessExit }, func(b *ProcessExit) Subjects {
		return Subjects{&b.Process, &b.Parent, &b.Ancestors}
	}),
	kprobeBody: hook(KindKprobe, func(e *Event) **ProcessKprobe { return &e.ProcessKprobe }, func(b *ProcessKprobe) (**Process, **Process, *Hooked) {
		return &b.Process, &b.Parent, &b.Hooked
	}),
	tracepointBody: hook(KindTracepoint, func(e *Event) **ProcessTracepoint { return &e.ProcessTracepoint }, func(b *ProcessTracepoint) (**Process, **Process, *Hooked) {
		return &b.Process, &b.Parent, &b.Hooked
	}),
	loaderBody: row(KindLoader, func(e *Event) **ProcessLoader { return &e.ProcessLoader }, func(b *ProcessLoader) Subjects {
		return Subjects{&b.Process, &b.Parent, &b.Ancestors}
	}),
	uprobeBody: hook(KindUprobe, func(e *Event) **ProcessUprobe { return &e.ProcessUprobe }, func(b *ProcessUprobe) (**Process, **Process, *Hooked) {
		return &b.Process, &b.Parent, &b.Hooked
	}),
	lsmBody: hook(KindLsm, func(e *Event) **ProcessLsm { return &e.ProcessLsm }, func(b *ProcessLsm) (**Process, **Process, *Hooked) {
		return &b.Process, &b.Parent, &b.Hooked
	}),
	usdtBody: hook(KindUsdt, func(e *Event) **ProcessUsdt { return &e.ProcessUsdt }, func(b *ProcessUsdt) (**Process, **Process, *Hooked) {
		return &b.Process, &b.Parent, &b.Hooked
	}),
	helloBody:    row[Hello](KindHello, func(e *Event) **Hello { return &e.Hello }, nil),
	lossBody:     row[Loss](KindLoss, func(e *Event) **Loss { return &e.Loss }, nil),
	noticeBody:   row[Notice](KindNotice, func(e *Event) **Notice { return &e.Notice }, nil),
	byeBody:      row[Bye](KindBye, func(e *Event) **Bye { return &e.Bye }, nil),
	throttleBody: row[ProcessThrottle](KindThrottle, func(e *Event) **ProcessThrottle { return &e.ProcessThrottle }, nil), // after Loss, which may stand beside it
}

// Kind is the event's type; KindUnknown when nothing is set (an event of a newer tracer).
func (e *Event) Kind() Kind { return kinds[e.body()].name }

// Subjects are the event's process fields; ok is false for an event that is not about a process.
func (e *Event) Subjects() (s Subjects, ok bool) {
	if k := &kinds[e.body()]; k.subjects != nil {
		return k.subjects(e), true
	}
	return Subjects{}, false
}

// Hooked is what all events of hooks have, a part of the event's own body; nil for other events.
func (e *Event) Hooked() *Hooked {
	if k := &kinds[e.body()]; k.hooked != nil {
		return k.hooked(e)
	}
	return nil
}

// Process is the process that the event is about, nil when it is about none.
func (e *Event) Process() *Process {
	if s, ok := e.Subjects(); ok {
		return *s.Process
	}
	return nil
}

// Parent is the parent of Process, nil when unknown.
func (e *Event) Parent() *Process {
	if s, ok := e.Subjects(); ok {
		return *s.Parent
	}
	return nil
}

// Clone returns a copy with a body of its own: its fields can be set without changing the original. What they point at
// (processes, times) is shared.
func (e *Event) Clone() *Event {
	c := *e
	if k := &kinds[c.body()]; k.own != nil {
		k.own(&c)
	}
	if c.Loss != nil && c.ProcessThrottle != nil { // beside each other
		kinds[throttleBody].own(&c)
	}
	if c.Throttled != nil {
		c.Throttled = new(*c.Throttled)
	}
	c.Detections = slices.Clone(c.Detections)
	return &c
}
