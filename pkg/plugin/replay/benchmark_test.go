// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/recorder"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/render"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/recording"
)

// reads records so many events: reads of files by 50 processes of pods.
func reads(tb testing.TB, events int) (file string) {
	tb.Helper()
	file = filepath.Join(tb.TempDir(), "x"+recording.Suffix)
	begin := time.Date(2026, 5, 1, 10, 0, 0, 0, time.UTC)
	r, err := recorder.Open(recorder.Options{Name: file, Manifest: recording.Manifest{
		Format: recording.Format, Segment: 1, Started: event.Timestamp{Time: begin},
	}})
	if err != nil {
		tb.Fatal(err)
	}
	var all []*event.Process
	for i := range 50 {
		started, yes := &event.Timestamp{Time: begin}, true
		pid := uint32(100 + i)
		all = append(all, &event.Process{
			ExecID: fmt.Sprintf("bm9kZS0xOjUzNjUzNzMyMTMyNj%d=", pid), Pid: &pid, Uid: new(uint32), Tid: &pid, Cwd: "/srv/www", Binary: "/usr/sbin/nginx", Arguments: "-g \"daemon off;\"",
			Flags: "execve clone", StartTime: started, Docker: "0123456789abcdef0123456789abcde", ParentExecID: "bm9kZS0xOjUzNjUzNzMyMTMyNjM6MQ==", InInitTree: &yes,
			Pod: &event.Pod{
				Namespace: "shop", Name: fmt.Sprintf("web-%d", i), UID: "0c5a", Workload: "web", WorkloadKind: "Deployment",
				PodLabels: map[string]string{"app": "web", "pod-template-hash": "5d8f6c9b7", "tier": "front"},
				Container: &event.Container{ID: "containerd://0123456789abcdef", Name: "web", Image: &event.Image{ID: "docker.io/library/nginx@sha256:0123456789abcdef", Name: "docker.io/library/nginx:1.27"}, StartTime: started, Pid: &pid},
			},
		})
	}
	for i := range events {
		at := begin.Add(time.Duration(i) * 20 * time.Microsecond)
		length, file := int64(i%1000), fmt.Sprintf("/srv/www/%d.html", i%97)
		e := &event.Event{NodeName: "node-1", Time: &event.Timestamp{Time: at}, ProcessKprobe: &event.ProcessKprobe{
			Process: all[i%50], Parent: all[(i+1)%50], FunctionName: "security_file_permission",
			Hooked: event.Hooked{PolicyName: "file", Action: event.ActionPost, Args: []event.Argument{{FileArg: &event.FileArg{Path: file}}}},
			Return: &event.Argument{LongArg: &length},
		}}
		it := pipeline.NewItem(e)
		it.Number, it.Received = uint64(i+1), at
		if err := r.Take(it); err != nil {
			tb.Fatal(err)
		}
	}
	if err := r.Close(); err != nil {
		tb.Fatal(err)
	}
	if _, err := r.Finish(recorder.End{}); err != nil {
		tb.Fatal(err)
	}
	return file
}

// BenchmarkReplay is of an event: at most 5 µs, which is 200,000 a second.
func BenchmarkReplay(b *testing.B) {
	for _, format := range []string{"json", "compact"} {
		b.Run(format, func(b *testing.B) {
			file := reads(b, b.N)
			source, err := Open([]string{file})
			if err != nil {
				b.Fatal(err)
			}
			clock := &Clock{}
			sink, err := render.New(io.Discard, render.Options{Format: format, Now: clock.Now, Every: true})
			if err != nil {
				b.Fatal(err)
			}
			b.ResetTimer()
			b.ReportAllocs()
			result, err := Run(b.Context(), Config{Source: source, Sink: sink, Clock: clock, Check: true})
			if err != nil || len(result.Nodes) != 1 || result.Nodes[0].Events != uint64(b.N) {
				b.Fatalf("%v, %+v", err, result)
			}
		})
	}
}

// BenchmarkRecord is of an event beside -o json: at most 5 µs, and 120 bytes of the file.
func BenchmarkRecord(b *testing.B) {
	info, err := os.Stat(reads(b, b.N))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(info.Size())/float64(b.N), "B/event")
}
