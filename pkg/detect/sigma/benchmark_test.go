// SPDX-License-Identifier: Apache-2.0

package sigma_test

import (
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/sigma"
)

// fields is a record by the names of its fields.
type fields map[string]sigma.Values

func (f fields) Values(name string) sigma.Values { return f[name] }

func one(value string) sigma.Values { return sigma.Values{Texts: []string{value}} }

// process is a record of a process that begins.
func process(image, commandLine, parentImage, parentCommandLine string) fields {
	return fields{
		"Image": one(image), "CommandLine": one(commandLine), "ParentImage": one(parentImage), "ParentCommandLine": one(parentCommandLine),
		"User": one("root"), "LogonId": one("4294967295"), "CurrentDirectory": one("/srv/app"),
	}
}

// ordinary are programs that run all day; few rules match them.
var ordinary = []fields{
	process("/usr/bin/sed", "sed -e s/a/b/ /srv/app/config/application.properties", "/bin/sh", "sh /docker-entrypoint.sh nginx"),
	process("/usr/bin/git", "git --no-pager -c color.ui=never log --format=%H -n 1 -- pkg/server/handler.go", "/usr/bin/make", "make -j8 test"),
	process("/usr/lib/jvm/java-17/bin/java", "java -Xmx512m -XX:+UseG1GC -Dspring.profiles.active=production -jar /srv/app/service.jar --server.port=8080", "/bin/sh", "sh -c exec java"),
	process("/bin/bash", "bash -c for i in 1 2 3; do sleep 1; done", "/usr/bin/containerd-shim-runc-v2", "containerd-shim-runc-v2 -namespace k8s.io -id 0123"),
	process("/usr/bin/python3.11", "python3 -m gunicorn --workers 4 --bind 0.0.0.0:8000 application.wsgi", "/bin/bash", "bash"),
	process("/usr/bin/cat", "cat /proc/meminfo", "/bin/bash", "bash"),
	process("/usr/bin/curl", "curl -fsS http://127.0.0.1:8080/healthz", "/bin/sh", "sh -c curl"),
	process("/usr/bin/date", "date +%s", "/bin/sh", "sh -c date"),
}

// BenchmarkProcesses: ordinary execs over all shared rules of process_creation together. One operation is one event.
func BenchmarkProcesses(b *testing.B) {
	loaded, err := sigma.Load(b.Context(), []string{sharedRules(b)}, everything)
	if err != nil {
		b.Fatal(err)
	}
	var rules []*sigma.Rule
	for _, rule := range loaded.Rules {
		if rule.Source.Category == sigma.ProcessCreation {
			rules = append(rules, rule)
		}
	}
	e := sigma.NewSet(rules).Evaluator()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		e.Evaluate(ordinary[i%len(ordinary)])
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// Evaluating ordinary events takes no memory, once buffers have grown.
func TestEvaluateTakesNoMemory(t *testing.T) {
	loaded, err := sigma.Load(t.Context(), []string{sharedRules(t)}, everything)
	if err != nil {
		t.Fatal(err)
	}
	e := sigma.NewSet(loaded.Rules).Evaluator()
	at := 0
	perEvent := testing.AllocsPerRun(1000, func() {
		e.Evaluate(ordinary[at%len(ordinary)])
		at++
	})
	if perEvent != 0 {
		t.Errorf("%v allocations for each event", perEvent)
	}
}
