// SPDX-License-Identifier: Apache-2.0

package sessionlog

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
)

// Stdout stands for standard output instead of the name of a file.
const Stdout = "-"

// Log is a pipeline.Sink that keeps the session's own events and leaves all others alone. Safe for concurrent use.
type Log struct {
	mu   sync.Mutex
	out  io.Writer
	file *os.File
	name string
	err  error
}

var _ pipeline.Sink = (*Log)(nil)

// Open returns a log into a file, which is made or emptied, or, for the name Stdout, into stdout: each record is one call of its
// Write, so that records and events which are written in the same way do not tear each other.
func Open(name string, stdout io.Writer) (*Log, error) {
	if name == Stdout {
		return &Log{out: stdout, name: "standard output"}, nil
	}
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return nil, fmt.Errorf("session log: %w", err)
	}
	return &Log{out: file, file: file, name: name}, nil
}

// Take writes the record of an event of the session itself. After an error nothing more is written, and the error is returned
// again.
func (l *Log) Take(item *pipeline.Item) error {
	r, own := recordOf(item.Event)
	l.mu.Lock()
	defer l.mu.Unlock()
	if !own {
		return l.err
	}
	return l.write(r)
}

// Finish writes the summary, the last record.
func (l *Log) Finish(s Summary) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.write(Record{Type: TypeSummary, Time: &event.Timestamp{Time: time.Now()}, Body: s})
}

// Flush implements pipeline.Sink: each record is written at once.
func (l *Log) Flush(time.Time) error { return nil }

// Close closes the file, if Open opened one. It returns the first error of the log, so that who only calls it at the end knows
// whether the log is whole.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return l.err
	}
	file := l.file
	l.file = nil
	if err := file.Close(); err != nil && l.err == nil {
		l.err = fmt.Errorf("session log: %w", err)
	}
	return l.err
}

// write writes one record; l.mu is held.
func (l *Log) write(r Record) error {
	if l.err != nil {
		return l.err
	}
	line, err := r.line()
	if err == nil {
		_, err = l.out.Write(line)
	}
	if err != nil {
		l.err = fmt.Errorf("session log %s: %w", l.name, err)
	}
	return l.err
}
