// SPDX-License-Identifier: Apache-2.0

// Package wire is what tracer and plugin say to each other: frames from the tracer (its standard output), its
// configuration (its argument) and control messages (its standard input). All are JSON, one value per line. It knows only
// io.Reader and io.Writer, so frames travel equally well through a pod's log, an attach stream or a pipe in one process.
//
// A configuration lists the encodings of frames that the reader understands (Encodings), hello says which one is used: events
// and their processes may come compressed. What a frame says of itself (number, events, how many of them enforced something,
// losses) is always plain, as are frames without events.
//
// A frame can be understood alone: the processes that its events name are in it. Counters are totals since the tracer's
// start and frames and events are numbered, so that whoever reads sees every gap.
package wire
