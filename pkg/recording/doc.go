// SPDX-License-Identifier: Apache-2.0

// Package recording is the format that sessions are kept in: its writer, its reader, the check of a file and its repair.
//
// A file is independent zstd frames of JSON lines, and at its end a seek table of the zstd seekable format, which other readers skip.
// The first key of a line names its kind. The first line is the manifest. Each frame holds whole lines and ends with a checkpoint, whose
// chain covers all bytes before it; the last holds the index and ends with the trailer. A file that ends without trailer is read up to
// its last whole frame. A name that ends in .ndjson has the same lines without compression.
//
// The chain begins as SHA-256 of the manifest's line without its line feed. After a frame it is SHA-256 of the chain before, followed by
// the SHA-256 of the frame's bytes before the checkpoint's line. The trailer's chain covers its frame up to `,"chain":` of the trailer.
//
// Files are hostile input: sizes are bounded by the constants here, and nothing that a file says of offsets is believed unchecked.
package recording

// Limits of files. Of a line, of a frame's text and of a frame as it is stored, in bytes.
const (
	MaxLine   = 1 << 20
	MaxFrame  = 64 << 20
	maxStored = MaxFrame + 1<<20
	// maxWindow of the compression.
	maxWindow = 8 << 20
)

// FrameBytes is the length of a frame's text from which on it is closed.
const FrameBytes = 1 << 20
