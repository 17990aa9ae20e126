// SPDX-License-Identifier: Apache-2.0

package recording

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Finish is what the blocks came to.
func (c *Checker) Finish() *Report {
	for _, node := range slices.Sorted(maps.Keys(c.counts)) {
		c.report.Nodes = append(c.report.Nodes, *c.counts[node])
	}
	if !c.Quick {
		c.compareNodes()
		c.compareSeekTable()
		c.compareSum()
	}
	return c.report
}

// compareNodes compares what tracers wrote with what is there.
func (c *Checker) compareNodes() {
	t := c.report.Trailer
	if t == nil || t.Continued || t.Repaired || c.report.Manifest == nil || c.report.Manifest.Segment != 1 {
		return // the counts are of all segments together
	}
	for i := range t.Nodes {
		said, found := &t.Nodes[i], c.counts[t.Nodes[i].Node]
		if found == nil {
			found = &NodeCount{}
		}
		if said.Recorded != found.Recorded {
			c.report.problem("node %s: the trailer says %d events, there are %d", said.Node, said.Recorded, found.Recorded)
		}
		if missing := said.LostAfterTracer() + said.Skipped; found.Open == 0 && found.Recorded+missing != found.Written {
			c.report.problem("node %s: its tracer wrote %d events; %d are here and %d were lost on the way", said.Node, found.Written, found.Recorded, missing)
		}
	}
}

// compareSeekTable compares the bytes behind the last frame.
func (c *Checker) compareSeekTable() {
	if c.report.Trailer == nil || !c.reader.framed || c.reader.file == nil {
		return
	}
	sizes, err := readSeekTable(c.reader.file, c.reader.size)
	if err != nil {
		c.report.problem("seek table: %v", err)
		return
	}
	if !slices.Equal(sizes, c.reader.sizes) {
		c.report.problem("the seek table is not that of the frames")
	}
}

// compareSum compares the file with the sum beside it, if there is one.
func (c *Checker) compareSum() {
	beside, err := os.ReadFile(c.report.Name + SumSuffix)
	if err != nil || c.reader.file == nil {
		return
	}
	said, _, _ := strings.Cut(string(beside), " ")
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(c.reader.file, 0, c.reader.size)); err != nil {
		c.report.problem("%v", err)
		return
	}
	if hex.EncodeToString(sum.Sum(nil)) != said {
		c.report.problem("the file is not the one that %s is about", filepath.Base(c.report.Name)+SumSuffix)
	}
}
