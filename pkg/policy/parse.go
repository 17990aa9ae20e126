// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/nearest"
)

// longestFile in bytes: more than an API server would take as one object.
const longestFile = 4 << 20

// group and version of the API that policies belong to.
const (
	group      = "cilium.io"
	apiVersion = group + "/v1alpha1"
)

// File is what a file of policies holds.
type File struct {
	Policies []*Policy
	// Skipped are documents of other kinds, such as the Pod that an example is about.
	Skipped []Skipped
	// Texts are what was read, one for each file: a file that can be read only once (a pipe) is.
	Texts []Text
}

// Text is the content of a file of policies. Its name is that of the policies' positions.
type Text struct{ Name, Content string }

// Skipped is a document that is no policy.
type Skipped struct {
	Position
	// What it is: Pod bigsecret.
	What string
}

// Parse reads YAML or JSON, one or several documents or lists of them. The name is for messages. The error is Problems,
// all of them, or that of the reader; without an error there is at least one policy.
func Parse(name string, from io.Reader) (*File, error) {
	text, err := io.ReadAll(io.LimitReader(from, longestFile+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(text) > longestFile {
		return nil, Problems{{Position{File: name}, fmt.Sprintf("the file is larger than %d MiB", longestFile>>20)}}
	}
	var problems Problems
	file := &File{Texts: []Text{{name, string(text)}}}
	decoder := yaml.NewDecoder(strings.NewReader(string(text)))
	for {
		var node yaml.Node
		if err := decoder.Decode(&node); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			problems = append(problems, syntaxProblem(name, err))
			break
		}
		d := &document{file: name, problems: &problems}
		if len(node.Content) == 1 {
			file.read(d.at(node.Content[0], ""))
		}
	}
	problems = append(problems, doubles(file.Policies)...)
	if len(problems) == 0 && len(file.Policies) == 0 {
		only := ""
		if len(file.Skipped) > 0 {
			only = ", only " + file.Skipped[0].What
		}
		problems = append(problems, Problem{Position{File: name}, "there is no policy" + only + ": want documents of kind " + string(TracingPolicy)})
	}
	if len(problems) > 0 {
		return nil, problems.sorted()
	}
	return file, nil
}

// lineOfSyntaxError is how the YAML library begins its messages.
var lineOfSyntaxError = regexp.MustCompile(`^(?:yaml: )?(?:line (\d+): )?`)

func syntaxProblem(name string, err error) Problem {
	text := err.Error()
	match := lineOfSyntaxError.FindStringSubmatch(text)
	line, _ := strconv.Atoi(match[1]) // 0 where it does not say
	return Problem{Position{File: name, Line: max(line, 1)}, "neither YAML nor JSON: " + text[len(match[0]):]}
}

// envelope is what is common to all objects of a cluster.
type envelope struct {
	apiVersion, kind cursor
	items            cursor
}

// read adds one document.
func (f *File) read(c cursor) {
	if c.null() {
		return
	}
	var e envelope
	for _, p := range c.pairs() {
		switch p.key.node.Value {
		case "apiVersion":
			e.apiVersion = p.value
		case "kind":
			e.kind = p.value
		case "items":
			e.items = p.value
		}
	}
	switch kind, ok := e.kindOf(c); {
	case !ok:
	case kind == "":
		f.Skipped = append(f.Skipped, Skipped{c.position(), e.kind.node.Value + " " + nameOf(c)})
	case kind == "List":
		e.items.items(f.read)
	default:
		r := &reading{policy: &Policy{Position: c.position(), Kind: kind}, macros: map[string]*macro{}}
		object(c, documentFields, r)
		f.Policies = append(f.Policies, r.policy)
	}
}

// kindOf says which kind of policy a document is: List for a list of objects, empty for another kind of object; not ok if
// it was meant to be a policy and is none.
func (e envelope) kindOf(c cursor) (Kind, bool) {
	if e.kind.document == nil {
		if c.node.Kind == yaml.MappingNode {
			c.fail("kind is missing: want %s or %s%s", TracingPolicy, TracingPolicyNamespaced, chartHint(c))
		}
		return "", false
	}
	kind, ok := e.kind.text()
	if !ok {
		return "", false
	}
	version := ""
	if e.apiVersion.document != nil {
		version = e.apiVersion.node.Value
	}
	kinds := []string{string(TracingPolicy), string(TracingPolicyNamespaced), string(ExecPolicy)}
	switch {
	case slices.Contains(kinds, kind):
		if version != apiVersion {
			at := c
			if e.apiVersion.document != nil {
				at = e.apiVersion
			}
			at.fail("a %s has apiVersion %s, not %q", kind, apiVersion, version)
		}
		return Kind(kind), true
	case e.items.document != nil && strings.HasSuffix(kind, "List"):
		return "List", true
	case version == apiVersion || nearest.Name(kind, kinds) != "":
		e.kind.fail("unknown kind %s%s", shown(kind), DidYouMean(kind, kinds))
		return "", false
	}
	return "", true
}

// chartHint says that a document looks like the values of Tetragon's Helm chart; empty if it does not.
func chartHint(c cursor) string {
	for _, p := range c.pairs() {
		if slices.Contains([]string{"tetragon", "tetragonOperator", "daemonSetLabelsOverride"}, p.key.node.Value) {
			return "; these look like values of Tetragon's Helm chart, which are no policy"
		}
	}
	return ""
}

// nameOf is an object's metadata.name.
func nameOf(c cursor) string {
	for _, p := range c.pairs() {
		if p.key.node.Value == "metadata" && p.value.node.Kind == yaml.MappingNode {
			for _, m := range p.value.pairs() {
				if m.key.node.Value == "name" {
					return m.value.node.Value
				}
			}
		}
	}
	return ""
}

// doubles refuses two policies of one name: events name the policy that they are of.
func doubles(policies []*Policy) (problems Problems) {
	seen := map[string]*Policy{}
	for _, p := range policies {
		id := p.Namespace + "/" + p.Name
		if other := seen[id]; other != nil && p.Name != "" {
			problems = append(problems, Problem{p.Position, fmt.Sprintf("the policy at %s is called %s too", other.Position, shown(p.Name))})
		}
		seen[id] = p
	}
	return problems
}
