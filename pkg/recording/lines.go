// SPDX-License-Identifier: Apache-2.0

package recording

import (
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// Format is the version of the format; readers refuse another major version.
const Format = "tsec/1"

// Manifest is the first line: what a form of custody asks for.
type Manifest struct {
	Format string `json:"format"`
	// Recording is a UUID that all segments have, Segment their number from 1, PreviousChain the last chain of the segment before.
	Recording     string `json:"recording"`
	Segment       int    `json:"segment"`
	PreviousChain string `json:"previous_chain,omitempty"`
	Tool          Tool   `json:"tool"`
	// Argv is the command line, redacted as the events are.
	Argv     []string `json:"argv"`
	Who      Who      `json:"who"`
	Case     string   `json:"case,omitempty"`
	Examiner string   `json:"examiner,omitempty"`
	Note     string   `json:"note,omitempty"`
	Cluster  *Cluster `json:"cluster,omitempty"`
	// Started by this machine's clock, in UTC; LocalZone is that of the machine (CET+01:00).
	Started   event.Timestamp `json:"started"`
	LocalZone string          `json:"local_zone"`
	Targets   []Target        `json:"targets,omitempty"`
	Policies  []PolicyDigest  `json:"policies,omitempty"`
	// Filters are those given; they are not applied to the recording.
	Filters   []string   `json:"filters,omitempty"`
	Redaction *Redaction `json:"redaction,omitempty"`
	// Ring says that only what is around the events that were waited for is recorded.
	Ring *Ring `json:"ring,omitempty"`
}

// Tool wrote the recording.
type Tool struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Image   string `json:"image,omitempty"`
}

// Who recorded.
type Who struct {
	KubeUser string `json:"kube_user,omitempty"`
	Context  string `json:"context,omitempty"`
	OSUser   string `json:"os_user,omitempty"`
	Host     string `json:"host,omitempty"`
}

// Cluster that was recorded; UID is that of the namespace kube-system.
type Cluster struct {
	Name    string `json:"name,omitempty"`
	Server  string `json:"server,omitempty"`
	UID     string `json:"uid,omitempty"`
	Version string `json:"version,omitempty"`
}

// Target is a pod that was traced from the beginning.
type Target struct {
	Namespace  string            `json:"namespace"`
	Name       string            `json:"name"`
	UID        string            `json:"uid"`
	Node       string            `json:"node"`
	Workload   string            `json:"workload,omitempty"`
	Kind       string            `json:"kind,omitempty"`
	Containers []TargetContainer `json:"containers,omitempty"`
}

// TargetContainer is a container of a target.
type TargetContainer struct {
	Name    string `json:"name"`
	Type    string `json:"type,omitempty"`
	Image   string `json:"image,omitempty"`
	ImageID string `json:"image_id,omitempty"`
	ID      string `json:"id,omitempty"`
}

// PolicyDigest names a policy; its text is in a line of its own.
type PolicyDigest struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
}

// Policy is the text of a policy as it was sent to tracers.
type Policy struct {
	PolicyDigest
	Text string `json:"text"`
}

// Redaction says how much was taken out of what is recorded, not what: SHA256 is of each expression.
type Redaction struct {
	Expressions int      `json:"expressions"`
	SHA256      []string `json:"sha256"`
}

// Ring says when a flight recorder writes: On is finding or enforced; Before and After are durations in Go's form.
type Ring struct {
	On     string `json:"on"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// Span is a span of time; nil where there is none.
type Span struct {
	First *event.Timestamp `json:"first_time,omitempty"`
	Last  *event.Timestamp `json:"last_time,omitempty"`
}

// Checkpoint ends a frame. Lines are those before it, Events those of them that a tracer numbered.
type Checkpoint struct {
	Frame  int    `json:"frame"`
	Lines  uint64 `json:"lines"`
	Events uint64 `json:"events"`
	Span
	SHA256 string `json:"sha256"`
	Chain  string `json:"chain"`
}

// Index says where what is. A long one is in several lines; From is the number of the first frame of a line.
type Index struct {
	From   int          `json:"from"`
	Frames []FrameIndex `json:"frames"`
}

// FrameIndex is a frame of the index. Offset is in bytes of the file as it is stored, CRC the CRC-32C of the frame as it is stored: bits
// of a compressed frame may be another without a change of its text.
type FrameIndex struct {
	Offset int64             `json:"offset"`
	CRC    uint32            `json:"crc32c"`
	Lines  uint64            `json:"lines"`
	Kinds  map[string]uint64 `json:"events,omitempty"`
	Nodes  map[string]*Range `json:"nodes,omitempty"`
	Span
}

// Range is what of a node is in a frame.
type Range struct {
	FirstSeq uint64 `json:"first_seq,omitempty"`
	LastSeq  uint64 `json:"last_seq,omitempty"`
	Span
}

// SegmentEnd says where the recording goes on.
type SegmentEnd struct {
	Next string `json:"next"`
}

// Trailer is the last line. Its chain is the last field.
type Trailer struct {
	// Nodes are what became of the events of each node.
	Nodes []NodeTotals `json:"nodes"`
	// Lines and Events are those of this file but for index and trailer, of all frames; Dropped is how many lines went with segments
	// that were deleted.
	Lines   uint64 `json:"lines"`
	Events  uint64 `json:"events"`
	Dropped uint64 `json:"dropped_lines,omitempty"`
	// Complete: of all nodes, everything that tracers wrote is recorded, and nothing was lost before.
	Complete bool `json:"complete"`
	// Reason of the end, in words; ExitCode is that of the command.
	Reason   string          `json:"reason,omitempty"`
	ExitCode int             `json:"exit_code"`
	Ended    event.Timestamp `json:"ended"`
	// Continued: another segment follows. Repaired: the file was put together from the whole frames of another.
	Continued bool `json:"continued,omitempty"`
	Repaired  bool `json:"repaired,omitempty"`
	// Error says why recording ended before the session did.
	Error string `json:"error,omitempty"`
	Chain string `json:"chain,omitempty"`
}

// NodeTotals is what became of a node's events: Written by its tracers (0 where one did not say bye) = Recorded + Skipped + Lost[wire] +
// Lost[display] + Lost[record]. Other causes of Lost are before that, and not in Written.
type NodeTotals struct {
	Node     string `json:"node"`
	Written  uint64 `json:"written"`
	Recorded uint64 `json:"recorded"`
	// Skipped by a flight recorder, since nothing happened that it waited for.
	Skipped uint64            `json:"skipped,omitempty"`
	Lost    map[string]uint64 `json:"lost,omitempty"`
	// Filtered for the display: they are recorded.
	Filtered uint64 `json:"filtered,omitempty"`
	Complete bool   `json:"complete"`
	Problem  string `json:"problem,omitempty"`
}

// LostRecord is the cause of events that the recorder had no room for.
const LostRecord = "record"

// afterTracer are the causes of loss between a tracer and the recording.
var afterTracer = []string{event.LostWire, event.LostDisplay, LostRecord}

// LostAfterTracer is how many events the tracer wrote and the recorder did not get.
func (n *NodeTotals) LostAfterTracer() (count uint64) {
	for _, cause := range afterTracer {
		count += n.Lost[cause]
	}
	return count
}

// supported says whether this version reads a format.
func supported(format string) bool {
	major, _, _ := strings.Cut(format, ".")
	return major == Format
}
