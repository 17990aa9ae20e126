// SPDX-License-Identifier: Apache-2.0

package trace

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/render"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/sessionlog"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/terminal"
)

// outputs are what a session is seen on.
type outputs struct {
	screen   *terminal.Screen
	out, err terminal.Capabilities
	result   Result
	status   *render.Status
	// log is nil when none is asked for; logInOutput: it is among the events.
	log         *sessionlog.Log
	logInOutput bool
	// recording is nil where nothing is recorded.
	recording *sessionRecording
}

func (v outputs) sharedTerminal() bool { return v.out.Terminal && v.err.Terminal }

// flushTime is how long the last messages may take to be written: a terminal that takes nothing does not keep the command.
const flushTime = time.Second

// flush writes the messages that are left.
func (v outputs) flush() {
	ctx, cancel := context.WithTimeout(context.Background(), flushTime)
	defer cancel()
	_ = v.screen.Flush(ctx) // there is nowhere to say it
}

// outputs makes the outputs. It fails for a format that does not exist or can't be parsed.
func (p *Plan) outputs() (outputs, error) {
	o := p.options
	color, emoji := terminal.When(o.output.color), terminal.When(o.output.emoji)
	v := outputs{
		out: terminal.Detect(o.Out, os.Getenv, color, emoji),
		err: terminal.Detect(o.ErrOut, os.Getenv, color, emoji),
	}
	v.screen = terminal.NewScreen(o.Out, o.ErrOut, v.sharedTerminal())
	v.status = render.NewStatus(v.screen, v.err)
	v.status.Verbose = o.verbose
	v.recording = p.newRecording()
	var err error
	switch {
	case p.work.Result != nil && o.output.sessionLog == sessionlog.Stdout:
		err = errors.New("--session-log -: no events are written to standard output here, name a file")
	case p.work.Result != nil:
		v.result, err = p.work.Result(v.screen.Out())
	default:
		v.result.Sink, err = render.New(v.screen.Out(), render.Options{
			Format: o.output.format, Timestamps: o.output.timestamps, Out: v.out,
			OwnWords: p.work.OwnWords, Every: p.work.Every, FinalTree: o.output.finalTree, Arguments: p.work.Arguments,
			Now: p.work.Now, SharedTerminal: v.out.Terminal && len(o.local.command) > 0, Filtered: p.filtering.filter.Active() || p.work.Detects, Pick: p.filtering.pick(),
		})
	}
	if err == nil {
		v.log, err = o.openSessionLog(v.screen.Out())
		v.logInOutput = o.output.sessionLog == sessionlog.Stdout
	}
	return v, err
}
