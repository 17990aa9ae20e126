// SPDX-License-Identifier: Apache-2.0

package canary

import (
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
)

// beside is a sink beside which canaries are called.
type beside struct {
	pipeline.Sink
	caller *Caller
}

// Beside is a sink that calls canaries for the events that it takes.
func Beside(s pipeline.Sink, c *Caller) pipeline.Sink { return beside{s, c} }

func (b beside) Take(it *pipeline.Item) error {
	b.caller.Event(it.Event)
	return b.Sink.Take(it)
}

func (b beside) Close() error {
	defer b.caller.Close()
	return b.Sink.Close()
}
