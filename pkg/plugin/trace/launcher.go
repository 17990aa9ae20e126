// SPDX-License-Identifier: Apache-2.0

package trace

import (
	"context"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/launch"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/session"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// podLauncher fits package launch to package session, which knows tracers by an interface.
type podLauncher struct{ *launch.Launcher }

func (l podLauncher) Start(ctx context.Context, config wire.TracerConfig) (session.Tracer, error) {
	tracer, err := l.Launcher.Start(ctx, config)
	if tracer == nil {
		return nil, err
	}
	return tracer, err
}
