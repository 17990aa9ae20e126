// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/access"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/launch"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/scope"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/session"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// podLauncher fits package launch to package session, which knows tracers by an interface.
type podLauncher struct {
	*launch.Launcher
	// scope says which policies a node's tracer gets; nil without policies.
	scope *scope.Scope
}

func (l podLauncher) Start(ctx context.Context, orders wire.Orders) (session.Tracer, error) {
	if l.scope != nil {
		var err error
		if orders.Policies, err = l.scope.SourcesOn(ctx, orders.Node); err != nil {
			return nil, access.Explain(err)
		}
		orders.Narrowed = l.scope.Narrowed()
	}
	tracer, err := l.Launcher.Start(ctx, orders)
	if tracer == nil {
		return nil, err
	}
	return tracer, err
}
