// SPDX-License-Identifier: Apache-2.0

// Package event is the model of what trace-sec shows: events of processes, in the JSON of Tetragon (protojson with proto
// names: unset fields omitted, wrapper types shown even when 0, 64-bit integers as strings), and what Tetragon has no word
// for (hello, loss, notice, bye) under top-level keys of its own, which Tetragon's tools ignore.
//
// The package knows neither who produces an event nor who shows it, and imports only the standard library. Its types are
// plain data: reading them concurrently is safe, changing them is not.
package event
