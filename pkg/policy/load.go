// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"errors"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Stdin is the name of a file that stands for standard input.
const Stdin = "-"

// extensions of the files of a directory that are read.
var extensions = []string{".yaml", ".yml", ".json"}

// Load parses files; Stdin is read from the reader, of a directory the files in it (not below) that end in .yaml, .yml or .json.
// The policies are in the order of the files. The error is Problems of all files: one that cannot be read is a problem too, and
// so are two policies of one name. Each file is read once. values are those of variables in the files (see Fill); nil: they are problems.
func Load(names []string, stdin io.Reader, values func(variable string) ([]string, error)) (*File, error) {
	all := &File{}
	var problems Problems
	for _, name := range expand(names) {
		file, err := parseFile(name, stdin, values)
		var found Problems
		switch {
		case errors.As(err, &found):
			problems = append(problems, found...)
		case err != nil:
			problems = append(problems, Problem{Position{File: name}, err.Error()})
		default:
			all.Policies = append(all.Policies, file.Policies...)
			all.Skipped = append(all.Skipped, file.Skipped...)
			all.Texts = append(all.Texts, file.Texts...)
		}
	}
	if len(problems) == 0 {
		problems = doubles(all.Policies)
	}
	if len(problems) == 0 {
		var tooMany Problem
		if _, err := NumberSelections(all.Policies); errors.As(err, &tooMany) {
			problems = Problems{tooMany}
		}
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return all, nil
}

func parseFile(name string, stdin io.Reader, values func(variable string) ([]string, error)) (*File, error) {
	if name == Stdin {
		return parseFilled("<stdin>", stdin, values)
	}
	if u, err := url.Parse(name); err == nil && (u.Scheme == "http" || u.Scheme == "https") {
		return nil, errors.New("addresses are not fetched: curl -fsSL " + name + " | … -f -")
	}
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		return nil, errors.New("a directory without a file that ends in .yaml, .yml or .json")
	}
	f, err := os.Open(name)
	if err != nil {
		if at, ok := errors.AsType[*os.PathError](err); ok {
			err = at.Err // the position has the name already
		}
		return nil, err
	}
	defer f.Close()
	return parseFilled(name, f, values)
}

func parseFilled(name string, from io.Reader, values func(variable string) ([]string, error)) (*File, error) {
	if values == nil {
		return Parse(name, from)
	}
	text, err := io.ReadAll(io.LimitReader(from, longestFile+1))
	if err != nil {
		return nil, err
	}
	filled, err := Fill(string(text), values)
	if err != nil {
		return nil, err
	}
	return Parse(name, strings.NewReader(filled))
}

// expand puts the files of directories in the place of these. One that has none, or can't be read, stays, and is a problem.
func expand(names []string) (all []string) {
	for _, name := range names {
		entries, err := os.ReadDir(name)
		var files []string
		for _, entry := range entries {
			if !entry.IsDir() && slices.Contains(extensions, filepath.Ext(entry.Name())) {
				files = append(files, filepath.Join(name, entry.Name()))
			}
		}
		if err != nil || len(files) == 0 {
			files = []string{name}
		}
		all = append(all, files...)
	}
	return all
}
