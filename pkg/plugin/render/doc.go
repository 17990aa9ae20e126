// SPDX-License-Identifier: Apache-2.0

// Package render shows events: as the process tree of each pod (tree), as Tetragon's lines (compact, wide), as data (json,
// yaml, jsonpath); and, on standard error, how tracing begins (Status) and how it ended (Summary).
//
// What an event looks like is one row in a table: of kinds of events (rows.go), of the functions that Tetragon has a picture
// for (tetragon_rows.go), and of those that only we have (own_rows.go). Compact lines are Tetragon's to the letter, so that
// what reads those reads these; tree and wide use our rows too, and say what a policy did or would have done. A kind of
// argument is one row (argument_text.go), a format is one in another (render.go). Every text that comes from an event passes
// terminal.Sanitize, or an escape of the document's own, before it is written.
package render
