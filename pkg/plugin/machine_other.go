// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package plugin

import (
	"context"
	"errors"
	"io"
	"runtime"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// noMachineTracer is what local mode is where there is no Linux kernel.
type noMachineTracer struct{}

func newMachineTracer(string) machineTracer { return noMachineTracer{} }

func (noMachineTracer) Check(wire.Targets, []string) error {
	return errors.New("--local needs Linux, this is " + runtime.GOOS + ": without it the plugin traces pods of a cluster from here")
}

func (t noMachineTracer) Trace(context.Context, wire.Orders, []string, io.Writer) error {
	return t.Check(wire.Targets{}, nil)
}
