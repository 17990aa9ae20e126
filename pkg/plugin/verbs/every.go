// SPDX-License-Identifier: Apache-2.0

package verbs

import "github.com/spf13/pflag"

// everyFlag adds --every, which is trace.Work.Every. each is what the command itself shows one by one with it.
func everyFlag(fs *pflag.FlagSet, every *bool, each string) {
	fs.BoolVar(every, "every", false, "Fold nothing: show each "+each+", forks, env and what it finds, equal subtrees")
}
