// SPDX-License-Identifier: Apache-2.0

package verbs

import (
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/exit"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/terminal"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/trace"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/wording"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/recording"
)

// verify prints a verdict on each file, and on what they are together.
func verify(env trace.Environment, names []string) error {
	var reports []*recording.Report
	for _, name := range names {
		report, err := recording.Verify(name)
		if err != nil {
			return err
		}
		reports = append(reports, report)
	}
	slices.SortStableFunc(reports, func(a, b *recording.Report) int {
		if a.Manifest == nil || b.Manifest == nil || a.Manifest.Recording != b.Manifest.Recording {
			return 0
		}
		return cmp.Compare(a.Manifest.Segment, b.Manifest.Segment)
	})
	good := true
	for i, r := range reports {
		if i > 0 {
			continues(reports[i-1], r)
		}
		fine, err := printReport(env.Out, r)
		if err != nil {
			return err
		}
		good = good && fine
	}
	if !good {
		return exit.Code(exit.Incomplete)
	}
	return nil
}

// continues notes where a file does not follow the one before, of the same recording.
func continues(before, r *recording.Report) {
	if before.Manifest == nil || r.Manifest == nil || before.Manifest.Recording != r.Manifest.Recording {
		return
	}
	switch {
	case r.Manifest.Segment != before.Manifest.Segment+1:
		r.Problems = append(r.Problems, fmt.Sprintf("it is file %d of the recording, and file %d is missing", r.Manifest.Segment, before.Manifest.Segment+1))
	case before.Chain != "" && r.Manifest.PreviousChain != before.Chain:
		r.Problems = append(r.Problems, "it does not follow the file before: the chain is broken")
	}
}

// printReport prints what a check came to, and says whether nothing is wrong.
func printReport(out io.Writer, r *recording.Report) (fine bool, err error) {
	say := func(format string, args ...any) {
		if err == nil {
			_, err = fmt.Fprintln(out, terminal.Sanitize(fmt.Sprintf(format, args...)))
		}
	}
	say("%s: %s in %s, %s", filepath.Base(r.Name), wording.Counted(r.Events, "event"), wording.Counted(r.Frames, "frame"), wording.Counted(r.Lines, "line"))
	for _, problem := range r.Problems {
		say("  NOT AS RECORDED: %s", problem)
	}
	switch {
	case r.Trailer == nil:
		say("  INCOMPLETE: ended without trailer; --repair NEW-FILE keeps what is there")
	case !r.Trailer.Complete && !r.Trailer.Continued:
		say("  as recorded, but the recording itself is not complete:%s", missing(r.Trailer))
	}
	if !r.Intact() {
		return false, err
	}
	if r.Trailer.Continued {
		say("  goes on in another file")
	}
	say("  intact, chain %s", r.Chain)
	return true, err
}

// missing says what a recording lacks.
func missing(t *recording.Trailer) (text string) {
	if t.Repaired {
		text += " it was repaired;"
	}
	if t.Dropped > 0 {
		text += fmt.Sprintf(" %s went with older files;", wording.Counted(t.Dropped, "line"))
	}
	for _, n := range t.Nodes {
		var lost uint64
		for _, count := range n.Lost {
			lost += count
		}
		if lost > 0 {
			text += fmt.Sprintf(" %s: %s lost;", n.Node, wording.Counted(lost, "event"))
		}
		if n.Skipped > 0 {
			text += fmt.Sprintf(" %s: %s not around what was waited for;", n.Node, wording.Counted(n.Skipped, "event"))
		}
		if n.Problem != "" {
			text += fmt.Sprintf(" %s: %s;", n.Node, n.Problem)
		}
	}
	if text == "" {
		return " see the session's summary"
	}
	return text[:len(text)-1]
}

// repair writes what is left of a file into another.
func repair(env trace.Environment, name, into string) error {
	made, err := recording.Repair(name, into)
	if err != nil {
		return err
	}
	for _, left := range made.Left {
		fmt.Fprintln(env.Out, terminal.Sanitize("left out: "+left))
	}
	_, err = fmt.Fprintf(env.Out, "%s: %s, chain %s\n", terminal.Sanitize(into), wording.Counted(made.Events, "event"), made.Chain)
	return err
}
