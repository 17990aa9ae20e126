// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"errors"
	"io"
	"os"
)

// Stdin is the name of a file that stands for standard input.
const Stdin = "-"

// Load parses files; Stdin is read from the reader. The policies are in the order of the files. The error is Problems of
// all files: one that cannot be read is a problem too, and so are two policies of one name.
func Load(names []string, stdin io.Reader) (*File, error) {
	all := &File{}
	var problems Problems
	for _, name := range names {
		file, err := parseFile(name, stdin)
		var found Problems
		switch {
		case errors.As(err, &found):
			problems = append(problems, found...)
		case err != nil:
			problems = append(problems, Problem{Position{File: name}, err.Error()})
		default:
			all.Policies = append(all.Policies, file.Policies...)
			all.Skipped = append(all.Skipped, file.Skipped...)
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

func parseFile(name string, stdin io.Reader) (*File, error) {
	if name == Stdin {
		return Parse("<stdin>", stdin)
	}
	f, err := os.Open(name)
	if err != nil {
		if at, ok := errors.AsType[*os.PathError](err); ok {
			err = at.Err // the position has the name already
		}
		return nil, err
	}
	defer f.Close()
	return Parse(name, f)
}
