// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package local

import (
	"context"
	"errors"
	"io"
	"runtime"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/explain"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/help"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// noMachineTracer is what local mode is where there is no Linux kernel.
type noMachineTracer struct{}

// New is what there is without Linux.
func New(string) Tracer { return noMachineTracer{} }

func (noMachineTracer) Check(wire.Targets, []string) error {
	return errors.New("--local needs Linux, this is " + runtime.GOOS + ": without it the plugin traces pods of a cluster from here")
}

func (noMachineTracer) Explain(context.Context, []wire.PolicySource, bool) ([]explain.Served, error) {
	return nil, errors.New("policy explain asks a Linux kernel, this is " + runtime.GOOS + ": \"" + help.Plugin + " run\" says at its start what the kernels of a cluster's nodes do with a policy")
}

func (t noMachineTracer) Trace(context.Context, wire.TracerConfig, []string, io.Writer) error {
	return t.Check(wire.Targets{}, nil)
}
