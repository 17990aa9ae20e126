// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Command trace-sec-tracer is what runs in a tracer pod: it writes frames to standard output, nothing else there and
// nothing to standard error, and takes control messages from standard input.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// version is set at build.
var version = "unknown"

// terminationLog is where a container says why it ended, 4 KiB at most: a second way for the totals besides the log.
const terminationLog = "/dev/termination-log"

func main() {
	document := flag.String("config", "", "what to trace, as a JSON document (see pkg/wire)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	bye, err := run(ctx, []byte(*document))
	stop()
	if message, marshalError := json.Marshal(bye); marshalError == nil {
		// There is no such file outside of a pod; the last frame has told the same.
		if log, openError := os.OpenFile(terminationLog, os.O_WRONLY, 0); openError == nil {
			_, _ = log.Write(message)
			log.Close()
		}
	}
	if err != nil {
		os.Exit(1)
	}
}

func run(ctx context.Context, document []byte) (event.Bye, error) {
	config, err := wire.ParseTracerConfig(document)
	if err != nil { // no session is known: the frame is the reader's only hint, beside the termination message
		bye := event.Bye{Reason: event.ByeError, Error: err.Error()}
		return bye, errors.Join(err, wire.NewEncoder(os.Stdout, config.Session).Bye(bye))
	}
	var control io.Reader
	if config.Silence > 0 {
		control = os.Stdin
	}
	return tracer.Run(ctx, tracer.Options{Config: config, Frames: os.Stdout, Control: control, Build: version})
}
