// SPDX-License-Identifier: Apache-2.0

//go:build linux

package report

import (
	"fmt"
	"slices"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/hook"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/plan"
)

// A process is told to have mapped a file once, until it executes another program or too many others were told.
func TestMappedFiles(t *testing.T) {
	f := newFixture(t)
	f.Serve(0, plan.Hook{Policy: &policy.Policy{Name: "p"}, Hook: &policy.Hook{Kind: policy.Loader}, Name: "loader"},
		plan.Way{Places: []plan.Place{{Type: typed("file")}, {Index: 1, Type: typed("const_buf")}}})
	maps := func(path, id string) {
		t.Helper()
		if err := f.Record(entry(1, file(0, path), buffer(1, id))); err != nil {
			t.Fatal(err)
		}
	}
	told := func() (all []string) {
		for _, o := range f.out {
			all = append(all, fmt.Sprintf("%s %q", o.Event.ProcessLoader.Path, o.Event.ProcessLoader.Buildid))
		}
		f.out = nil
		return all
	}
	for range 2 {
		maps("/lib/a", "1")
		maps("/lib/b", "")
		maps("/lib/a", "2")
		maps("/lib/c", "this is no id of a build")
	}
	if got := told(); !slices.Equal(got, []string{`/lib/a "1"`, `/lib/b ""`, `/lib/a "2"`, `/lib/c ""`}) {
		t.Errorf("told %q", got)
	}
	f.exec("/other")
	maps("/lib/a", "1")
	if got := told(); len(got) != 1 {
		t.Errorf("after an exec: %q", got)
	}
	for i := range mostMapped - 1 {
		maps(fmt.Sprint("/lib/", i), "")
	}
	maps("/lib/a", "1") // the oldest but known, and now the newest
	if got := told(); len(got) != mostMapped-1 {
		t.Errorf("%d others were told, want %d", len(got), mostMapped-1)
	}
	maps("/lib/more", "")
	maps("/lib/a", "1")
	maps("/lib/0", "") // forgotten
	if got := told(); !slices.Equal(got, []string{`/lib/more ""`, `/lib/0 ""`}) {
		t.Errorf("told %q", got)
	}
	if len(f.mapped.known) != mostMapped || f.mapped.recent.Len() != mostMapped {
		t.Errorf("%d and %d are remembered", len(f.mapped.known), f.mapped.recent.Len())
	}
}

// ids are the build ids of files by their inodes.
type ids map[uint64]string

func (i ids) Of(pid uint32, path string, inode uint64) []byte {
	if pid != pidHere || path != "/lib/a" {
		return []byte("of another file")
	}
	return []byte(i[inode])
}

// Where the kernel tells none, build ids are read from the files.
func TestBuildIDsOfFiles(t *testing.T) {
	f := newFixture(t)
	f.BuildIDs = ids{7: "seven"}
	for number, places := range [][]plan.Place{{{Type: typed("file")}}, {{Type: typed("file")}, {Index: 1, Type: typed("const_buf")}}} {
		f.Serve(uint32(number), plan.Hook{Policy: &policy.Policy{Name: "p"}, Hook: &policy.Hook{Kind: policy.Loader}, Name: "loader"}, plan.Way{Places: places})
	}
	mapped := value(0, "file", bytesOf(bpf.HookFileValue{Inode: 7}, []byte("/lib/a")...))
	for _, r := range []*hook.Record{
		entry(1, mapped), entry(2, mapped),
		with(entry(3, mapped, buffer(1, "")), func(r *hook.Record) { r.Hook = 1 }),
		with(entry(4, mapped, buffer(1, "told")), func(r *hook.Record) { r.Hook = 1 }),
	} {
		if err := f.Record(r); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, o := range f.out {
		got = append(got, string(o.Event.ProcessLoader.Buildid))
	}
	if !slices.Equal(got, []string{"seven", "", "told"}) {
		t.Errorf("told %q", got)
	}
}
