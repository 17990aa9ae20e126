// SPDX-License-Identifier: Apache-2.0

package canary

import (
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/render"
)

// beside is a renderer beside which canaries are called.
type beside struct {
	render.Renderer
	caller *Caller
}

// Beside is a renderer that calls canaries for the events that it shows.
func Beside(r render.Renderer, c *Caller) render.Renderer { return beside{r, c} }

func (b beside) Event(e *event.Event) error {
	b.caller.Event(e)
	return b.Renderer.Event(e)
}

func (b beside) Close() error {
	defer b.caller.Close()
	return b.Renderer.Close()
}
