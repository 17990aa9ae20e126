// SPDX-License-Identifier: Apache-2.0

package help

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// FlagError says what to write instead of a flag that is wrong.
func FlagError(cmd *cobra.Command, err error) error {
	text := err.Error()
	var (
		unknown *pflag.NotExistError
		missing *pflag.ValueRequiredError
		invalid *pflag.InvalidValueError
	)
	switch {
	case errors.As(err, &unknown):
		text += unknownFlag(cmd, unknown)
	case errors.As(err, &missing):
		_, usage := pflag.UnquoteUsage(missing.GetFlag())
		text = fmt.Sprintf("%s needs a value: %s", flagName(missing.GetFlag()), usage)
	case errors.As(err, &invalid):
		text = fmt.Sprintf("%s %q: %s", flagName(invalid.GetFlag()), invalid.GetValue(), wanted(invalid.GetFlag(), invalid.GetValue()))
	}
	return fmt.Errorf("%s\nSee '%s --help' for usage", text, cmd.CommandPath())
}

func flagName(f *pflag.Flag) string {
	if f.Shorthand != "" {
		return "-" + f.Shorthand + ", --" + f.Name
	}
	return "--" + f.Name
}

// unknownFlag is what to write instead of a flag that the command does not have: those that are near, or the one that other tools call
// so.
func unknownFlag(cmd *cobra.Command, unknown *pflag.NotExistError) string {
	typed := unknown.GetSpecifiedName()
	if unknown.GetSpecifiedShortnames() != "" {
		return habit(cmd, typed)
	}
	if text := habit(cmd, typed); text != "" {
		return text
	}
	var names []string
	add := func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	}
	cmd.Flags().VisitAll(add)
	cmd.InheritedFlags().VisitAll(add)
	near := policy.Near(typed, names)
	if len(near) == 0 {
		return ""
	}
	return "; did you mean --" + strings.Join(near, " or --") + "?"
}

// wanted says what a flag takes instead of a value that can't be read.
func wanted(f *pflag.Flag, value string) string {
	switch f.Value.Type() {
	case "duration":
		return "want a time with its unit, as 30s, 5m or 1h30m" + nearDuration(value)
	case "uint64":
		return "want a whole number above 0"
	case "uintSlice":
		return "want numbers, separated by commas"
	case "bool":
		return "want true or false, or nothing"
	}
	_, usage := pflag.UnquoteUsage(f)
	return usage
}

// durationText is a number and the name of a unit, or none.
var durationText = regexp.MustCompile(`^(\d+)\s*([a-zA-Z]*)$`)

// nearDuration is the time that was probably meant.
func nearDuration(value string) string {
	parts := durationText.FindStringSubmatch(value)
	if parts == nil || len(parts[1]) > 6 {
		return ""
	}
	number, unit := parts[1], strings.ToLower(parts[2])
	switch {
	case unit == "":
		unit = "s"
	case unit == "d" || strings.HasPrefix(unit, "day"):
		var days int
		_, _ = fmt.Sscan(number, &days) // digits, and few
		number, unit = fmt.Sprint(24*days), "h"
	case strings.HasPrefix(unit, "s") || strings.HasPrefix(unit, "m") || strings.HasPrefix(unit, "h"):
		unit = unit[:1]
	default:
		return ""
	}
	return "; did you mean " + number + unit + "?"
}
