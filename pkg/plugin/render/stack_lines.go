// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// below is what is shown of an event on lines of its own: what rules say, and, as Tetragon writes it, stack traces and the hash of a
// file.
func (p *styler) below(e *event.Event) (lines []text) {
	lines = p.detections(e)
	if k := e.ProcessKprobe; k != nil {
		if len(k.KernelStackTrace) > 0 {
			lines = append(lines, text{{tonePlain, "Kernel:"}})
		}
		for _, f := range k.KernelStackTrace {
			lines = append(lines, text{
				{toneSource, fmt.Sprintf("   0x%x:", f.Address)}, {toneEvent, p.clean(" " + quote(f.Symbol))}, {tonePlain, "+"}, {toneCaution, fmt.Sprintf("0x%x", f.Offset)},
			})
		}
		if len(k.UserStackTrace) > 0 {
			lines = append(lines, text{{tonePlain, "User:"}})
		}
		for _, f := range k.UserStackTrace {
			line := text{{toneSource, fmt.Sprintf("   0x%x:", f.Address)}}
			if f.Symbol != "" {
				line = append(line, piece{toneEvent, p.clean(" " + quote(f.Symbol))})
			}
			lines = append(lines, append(line, piece{toneCaution, p.clean(fmt.Sprintf(" (%s+0x%x)", quote(f.Module), f.Offset))}))
		}
	}
	if l := e.ProcessLsm; l != nil && l.ImaHash != "" {
		if path, ok := filePath(argument(e, 0)); ok && path != "" {
			lines = append(lines, text{{toneSource, p.clean("   " + path)}, {toneEvent, p.clean(" " + l.ImaHash)}})
		}
	}
	return lines
}
