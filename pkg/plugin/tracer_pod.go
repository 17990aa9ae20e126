// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"encoding/json"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/launch"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/session"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/stream"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// podLauncher fits package launch to package session.
type podLauncher struct{ *launch.Launcher }

func (l podLauncher) Start(ctx context.Context, orders wire.Orders) (session.Tracer, error) {
	tracer, err := l.Launcher.Start(ctx, orders)
	if tracer == nil {
		return nil, err
	}
	return podTracer{tracer}, err
}

// podTracer fits a tracer pod to package stream.
type podTracer struct{ *launch.Tracer }

func (t podTracer) Ended(ctx context.Context) (*stream.Ending, error) {
	end, err := t.Termination(ctx)
	if end == nil || err != nil {
		return nil, err
	}
	said := *end
	if json.Valid([]byte(said.Message)) { // the tracer's totals: not for people
		said.Message = ""
	}
	return &stream.Ending{Reason: said.String(), Message: end.Message}, nil
}
