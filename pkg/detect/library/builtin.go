// SPDX-License-Identifier: Apache-2.0

package library

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
)

// ReadAll reads all rule files of a folder, by their names. The error is everything that is wrong in them.
func ReadAll(folder fs.FS) ([]*Rule, error) {
	names, err := fs.Glob(folder, "*.yaml")
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var all []*Rule
	var errs []error
	for _, name := range names {
		text, err := fs.ReadFile(folder, name)
		if err != nil {
			return nil, err
		}
		file, problems := Read(name, text)
		for _, p := range problems {
			errs = append(errs, p)
		}
		for _, rule := range file.Rules {
			if slices.ContainsFunc(all, func(other *Rule) bool { return other.ID == rule.ID }) {
				errs = append(errs, fmt.Errorf("%s:%d: there are two rules %s", name, rule.Line, rule.ID))
			}
		}
		all = append(all, file.Rules...)
	}
	return all, errors.Join(errs...)
}
