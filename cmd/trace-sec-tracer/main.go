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
	namespaces := flag.String("namespaces", tracer.AllNamespaces, "whose pods may be traced, separated by commas; "+tracer.AllNamespaces+": all of the node may be")
	enforce := flag.Bool("enforce", false, "what policies forbid may be stopped")
	fromFile := flag.Bool("from-file", false, "the starter could not execute this from memory, and did it from a file (see pkg/plugin/carry)")
	flag.Parse()
	nameThread()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	bye, err := run(ctx, arguments{document: []byte(*document), namespaces: *namespaces, enforce: *enforce, fromFile: *fromFile})
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

// nameThread gives the process its name where it was executed from memory, and has none.
func nameThread() { _ = os.WriteFile("/proc/self/comm", []byte("trace-sec-tracer"), 0) } // it does not matter

// remarkFromFile is what this kernel forbids, and what was done instead.
var remarkFromFile = event.Notice{Level: event.LevelInfo,
	Text: "this node's kernel executes nothing from memory files (vm.memfd_noexec): the tracer runs from a volume of its pod, which is in memory"}

// arguments are what the pod's spec says. Of these only the document is opaque to who judges the pod.
type arguments struct {
	document          []byte
	namespaces        string
	enforce, fromFile bool
}

func run(ctx context.Context, a arguments) (event.Bye, error) {
	config, err := wire.ParseTracerConfig(a.document)
	permit := tracer.Permit{Enforce: a.enforce}
	if err == nil {
		permit.Namespaces, err = tracer.ParseNamespaces(a.namespaces)
	}
	if err != nil { // no session is known: the frame is the reader's only hint, beside the termination message
		bye := event.Bye{Reason: event.ByeError, Error: err.Error()}
		return bye, errors.Join(err, wire.NewEncoder(os.Stdout, config.Session).Bye(bye))
	}
	var control io.Reader
	if config.Silence > 0 {
		control = os.Stdin
	}
	options := tracer.Options{Config: config, Permit: &permit, DropCapabilities: true, Frames: os.Stdout, Control: control, Build: version}
	if a.fromFile {
		options.Remark = &remarkFromFile
	}
	return tracer.Run(ctx, options)
}
