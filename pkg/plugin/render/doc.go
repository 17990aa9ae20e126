// SPDX-License-Identifier: Apache-2.0

// Package render shows events: as the process tree of each pod (tree), as Tetragon's lines (compact, wide), as data (json,
// yaml, jsonpath); and, on standard error, how tracing begins (Status) and how it ended (Summary).
//
// What an event looks like is one row in a table (rows.go), a format is one row in another (render.go). Every text that
// comes from an event passes terminal.Sanitize, or an escape of the document's own, before it is written.
package render
