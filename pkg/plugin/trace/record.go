// SPDX-License-Identifier: Apache-2.0

package trace

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/exit"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/help"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/recorder"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/session"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/wording"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/recording"
)

// RecordTopic is the command that explains the flags of recordings.
const RecordTopic = "record --help"

// recordOptions say what is kept of a session, and where.
type recordOptions struct {
	file     string
	force    bool
	maxSize  string
	keep     uint
	flight   recorder.Flight
	env      bool
	custody  struct{ number, examiner, note string }
	maxBytes int64
	// set are the flags that fill the others.
	set *pflag.FlagSet
}

// Defaults of flags.
const (
	defaultMaxSize = "4Gi"
	defaultBefore  = time.Minute
	defaultAfter   = 5 * time.Minute
)

func (r *recordOptions) flags() *pflag.FlagSet {
	fs := help.NewFlags()
	r.set = fs
	fs.StringVar(&r.file, "record", "", "Keep all events, also those that filters leave out, in `FILE` (NAME.tsec.zst)")
	fs.BoolVar(&r.force, "record-force", false, "Replace the file if it exists, unless it is a recording without end")
	fs.StringVar(&r.maxSize, "record-max-size", defaultMaxSize, "Go on in another file (NAME.0002.tsec.zst) from this `SIZE` on")
	fs.UintVar(&r.keep, "record-keep", 0, "Keep the last `N` files of the recording, at least 2; 0: all")
	fs.StringVar(&r.flight.On, "record-on", "", "Record only around a `TRIGGER`: finding (of detect) or enforced")
	fs.DurationVar(&r.flight.Before, "record-before", defaultBefore, "With --record-on: from this `TIME` before it")
	fs.DurationVar(&r.flight.After, "record-after", defaultAfter, "With --record-on: up to this `TIME` after it")
	fs.BoolVar(&r.env, "record-env", false, "Keep the values of environment variables of pods' specs")
	fs.StringVar(&r.custody.number, "case", "", "`NUMBER` of the case, for the recording")
	fs.StringVar(&r.custody.examiner, "examiner", "", "`NAME` of who examines, for the recording")
	fs.StringVar(&r.custody.note, "note", "", "`TEXT` for the recording")
	return fs
}

// needFile names a file by the time, unless a flag names one, or nothing is to be started.
func (r *recordOptions) needFile(o *Options) {
	if !o.given["record"] && !o.printsPolicy && o.tracer.dryRun == dryRunNone {
		r.file = time.Now().UTC().Format("20060102T150405Z") + recording.Suffix
	}
}

// mostlyHidden are the flags of which the help of commands has the first only, and RecordTopic all.
func (r *recordOptions) mostlyHidden() *pflag.FlagSet {
	fs := r.flags()
	fs.VisitAll(func(f *pflag.Flag) { f.Hidden = f.Name != "record" })
	fs.Lookup("record").Usage = "Keep all events in `FILE` too; kubectl trace-sec " + RecordTopic + " explains it, and more flags"
	return fs
}

// checkRecording says what is wrong with the flags of recordings, and whether the file can't be made.
func (o *Options) checkRecording() error {
	r := &o.record
	var errs []error
	if r.file == "" {
		help.VisitNames(r.set, func(name string) {
			if o.given[name] {
				errs = append(errs, fmt.Errorf("--%s is about a recording: --record FILE names it", name))
			}
		})
		return errors.Join(errs...)
	}
	if o.printsPolicy || o.tracer.dryRun != dryRunNone {
		return errors.New("--record: there is no session to record")
	}
	size, err := resource.ParseQuantity(r.maxSize)
	if err != nil || size.Value() < leastSegment {
		errs = append(errs, fmt.Errorf("--record-max-size %q: want a size like 500Mi or 4Gi, at least 1Mi", r.maxSize))
	}
	r.maxBytes = size.Value()
	if r.keep == 1 {
		errs = append(errs, errors.New("--record-keep 1: at least 2, one that is written and one that is whole"))
	}
	for _, name := range []string{"record-before", "record-after"} {
		if o.given[name] && r.flight.On == "" {
			errs = append(errs, fmt.Errorf("--%s is for --record-on", name))
		}
	}
	if r.flight.On != "" {
		errs = append(errs, r.flight.Check())
	}
	return errors.Join(append(errs, recording.CheckName(r.file, r.force))...)
}

// leastSegment is the least --record-max-size, in bytes.
const leastSegment = 1 << 20

// sessionRecording is the recording of a session.
type sessionRecording struct {
	pods *recorder.Pods
	// sink is nil until the file is there.
	sink *recorder.Recorder
}

// newRecording is nil where nothing is recorded.
func (p *Plan) newRecording() *sessionRecording {
	if p.options.record.file == "" {
		return nil
	}
	return &sessionRecording{pods: recorder.NewPods(p.options.record.env, p.filtering.filter.RedactText)}
}

// record makes the file and has the session record into it.
func (p *Plan) record(c *session.Config, v outputs, stop *session.Stop, f facts) error {
	if v.recording == nil {
		return nil
	}
	r := p.options.record
	o := recorder.Options{
		Name: r.file, Force: r.force, Pods: v.recording.pods, MaxBytes: r.maxBytes, Keep: int(r.keep), Detects: p.work.Detects,
		Manifest: p.manifest(c, f),
	}
	if r.flight.On != "" {
		o.Flight = &r.flight
	}
	var err error
	if o.First, err = p.policyLines(); err != nil {
		return err
	}
	if v.recording.sink, err = recorder.Open(o); err != nil {
		return err
	}
	c.Recorder = v.recording.sink
	c.RecordFailed = func(err error) {
		if p.options.session.strict && !p.arms() {
			v.status.Say(event.LevelError, fmt.Sprintf("%v; --strict: ending", err))
			stop.Shutdown(err)
			return
		}
		v.status.Say(event.LevelError, fmt.Sprintf("%v; tracing goes on without it", err))
	}
	return nil
}

// finishRecording ends the file, and says what is in it. The error says that the recording has no end, and was said.
func (p *Plan) finishRecording(v outputs, r session.Result, failed error) error {
	if v.recording == nil || v.recording.sink == nil {
		return nil
	}
	end := recorder.End{ExitCode: p.exitCode(r, failed)}
	if r.Reason != nil {
		end.Reason = p.filtering.filter.RedactText(r.Reason.Error())
	}
	for _, n := range r.Summary.Nodes {
		end.Nodes = append(end.Nodes, p.nodeTotals(n))
	}
	made, err := v.recording.sink.Finish(end)
	if err != nil {
		v.status.Say(event.LevelError, fmt.Sprintf("the recording %s ends early: %v; what is there can be read (kubectl trace-sec verify)", made.Name, err))
		return err
	}
	files := made.Name
	if made.Files > 1 {
		files = fmt.Sprintf("%d files, the last of them %s", made.Files, made.Name)
	}
	v.status.Say(event.LevelInfo, fmt.Sprintf("recorded %s (%s) in %s; SHA-256 in %s%s, chain %s",
		wording.Counted(made.Events, "event"), size(made.Bytes), files, made.Name, recording.SumSuffix, made.Chain))
	return nil
}

// size is a number of bytes as people say it.
func size(bytes int64) string {
	if bytes < 1e6 {
		return fmt.Sprintf("%.1f kB", float64(bytes)/1e3)
	}
	return fmt.Sprintf("%.1f MB", float64(bytes)/1e6)
}

// exitCode is the one that the session's result stands for.
func (p *Plan) exitCode(r session.Result, failed error) int {
	switch {
	case failed != nil:
		return exit.Error
	case r.ExitCode != nil:
		return *r.ExitCode
	case p.options.session.strict && !r.Summary.Complete():
		return exit.Incomplete
	}
	return exit.OK
}

// nodeTotals is what a session says of a node, as far as it is of the recording: what only the display did not take is there.
func (p *Plan) nodeTotals(n session.NodeSummary) recording.NodeTotals {
	t := recording.NodeTotals{Node: n.Node, Written: n.Written, Filtered: n.Filtered, Problem: p.filtering.filter.RedactText(n.Problem), Lost: map[string]uint64{}}
	for cause, count := range n.Lost {
		if cause == event.LostDisplay {
			count -= min(count, n.Undisplayed)
		}
		if count > 0 {
			t.Lost[cause] = count
		}
	}
	for drop, count := range n.Dropped {
		if drop.Sink == session.RecordSink {
			t.Lost[recording.LostRecord] += count
		}
	}
	n.Lost = t.Lost
	t.Complete = n.Complete()
	return t
}
