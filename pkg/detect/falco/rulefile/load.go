// SPDX-License-Identifier: Apache-2.0

package rulefile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	// LargestFile of rules in bytes: Falco's own have 64 KiB.
	LargestFile = 4 << 20
	// mostNodes of a file are looked at, with what aliases stand for: some times what Falco's largest file has.
	mostNodes = 1 << 20
)

// File of rules. Err says why it could not be read.
type File struct {
	Name    string
	Content []byte
	Err     error
}

// Read reads files from disk.
func Read(paths ...string) []File {
	files := make([]File, len(paths))
	for i, path := range paths {
		files[i] = File{Name: path}
		f, err := os.Open(path)
		if err != nil {
			files[i].Err = err
			continue
		}
		files[i].Content, files[i].Err = io.ReadAll(io.LimitReader(f, LargestFile+1))
		f.Close()
	}
	return files
}

// Load reads rule files in order. All mistakes are in the result's Problems; what they do not concern is loaded.
func Load(files []File) *Set {
	s := &Set{lists: map[string]*List{}, macros: map[string]*Macro{}, rules: map[string]*Rule{}, foreign: map[string]bool{}}
	for _, file := range files {
		s.Files = append(s.Files, file.Name)
		s.file(file)
	}
	s.parse()
	s.use()
	s.Problems = s.Problems.Sorted(s.Files)
	return s
}

// reader is one file that is being read.
type reader struct {
	set    *Set
	source *source
	nodes  int
}

func (s *Set) file(file File) {
	r := &reader{set: s, source: newSource(file.Name, string(file.Content))}
	if file.Err != nil {
		r.problem(ErrFileRead, nil, "%v", file.Err)
		return
	}
	if len(file.Content) > LargestFile {
		r.problem(ErrFileRead, nil, "the file is larger than %d MiB", LargestFile>>20)
		return
	}
	items := r.items()
	for _, item := range items {
		if !item.requirements() {
			return
		}
	}
	for _, item := range items {
		s.items++
		item.define()
	}
}

// yamlLine finds the line in an error of the YAML library.
var yamlLine = regexp.MustCompile(`line (\d+)`)

// items are the maps of all documents.
func (r *reader) items() (items []*item) {
	decoder := yaml.NewDecoder(strings.NewReader(r.source.content))
	for {
		var document yaml.Node
		err := decode(decoder, &document)
		if errors.Is(err, io.EOF) {
			return items
		}
		if err != nil {
			r.problem(ErrYAMLParse, nil, "%v", err)
			if found := yamlLine.FindStringSubmatch(err.Error()); found != nil {
				r.set.Problems[len(r.set.Problems)-1].Line, _ = strconv.Atoi(found[1])
			}
			return items
		}
		items = append(items, r.document(&document)...)
	}
}

// decode reads one document. The library panics at some texts that are no YAML.
func decode(decoder *yaml.Decoder, node *yaml.Node) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("yaml: %v", p)
		}
	}()
	return decoder.Decode(node)
}

func (r *reader) document(document *yaml.Node) (items []*item) {
	root := r.target(document)
	if root != nil && root.Kind == yaml.DocumentNode && len(root.Content) == 1 {
		root = r.target(root.Content[0])
	}
	switch {
	case root == nil, root.Kind == yaml.ScalarNode && root.Tag == "!!null", root.Kind == 0:
		return nil
	case root.Kind != yaml.SequenceNode:
		r.problem(ErrYAMLValidate, root, "rules content is not a YAML array of objects")
		return nil
	}
	for _, node := range root.Content {
		node = r.target(node)
		if node == nil || node.Kind != yaml.MappingNode {
			r.problem(ErrYAMLValidate, node, "unexpected element: each element is a YAML associative array with one of the keys %s",
				strings.Join(kindNames(), " "))
			continue
		}
		items = append(items, r.item(node))
	}
	return items
}

// target is what a node or its alias stands for; nil if too many were looked at.
func (r *reader) target(node *yaml.Node) *yaml.Node {
	for range mostNodes {
		r.nodes++
		if r.nodes > mostNodes {
			if r.nodes == mostNodes+1 {
				r.problem(ErrYAMLValidate, node, "the file has more than %d nodes, counting what aliases stand for", mostNodes)
			}
			return nil
		}
		if node == nil || node.Kind != yaml.AliasNode {
			return node
		}
		node = node.Alias
	}
	return nil
}

// problem reports something about a node, nil for the file.
func (r *reader) problem(code Code, node *yaml.Node, format string, arguments ...any) {
	place := Place{File: r.source.name}
	if node != nil {
		place.Line, place.Column = node.Line, node.Column
	}
	r.set.Problems = append(r.set.Problems, Problem{Code: code, Place: place, Message: fmt.Sprintf(format, arguments...)})
}
