// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Variables of documented policies, which stand for networks: those of pods and of services.
const (
	PodNetworks     = "PODCIDR"
	ServiceNetworks = "SERVICECIDR"
)

// variable is an entry of a list that is one of them, in any of YAML's ways to quote it.
var variable = regexp.MustCompile(`"\$\{(` + PodNetworks + `|` + ServiceNetworks + `)\}"|'\$\{(` + PodNetworks + `|` + ServiceNetworks + `)\}'|\$\{(` + PodNetworks + `|` + ServiceNetworks + `)\}`)

// entry is what stands before an entry of a list that has a line of its own, nothing else.
var entry = regexp.MustCompile(`^\s*-\s+$`)

// Fill puts values into the place of the variables of a policy's text, of which the entries of a list may become several: where each has
// a line of its own, what follows stands so many lines below. It asks for the values of each variable once, in the order of their first
// use; comments are left alone.
func Fill(text string, values func(name string) ([]string, error)) (string, error) {
	known := map[string][]string{}
	var out strings.Builder
	for line := range strings.Lines(text) {
		filled, err := fillLine(line, func(name string) ([]string, error) {
			if known[name] != nil {
				return known[name], nil
			}
			all, err := values(name)
			if err == nil && len(all) == 0 {
				err = fmt.Errorf("${%s}: there are no such networks", name)
			}
			known[name] = all
			return all, err
		})
		if err != nil {
			return "", err
		}
		out.WriteString(filled)
	}
	return out.String(), nil
}

func fillLine(line string, values func(name string) ([]string, error)) (string, error) {
	var out strings.Builder
	rest := line
	for {
		at := variable.FindStringSubmatchIndex(rest)
		if at == nil || slices.Contains([]byte(rest[:at[0]]), '#') {
			return out.String() + rest, nil
		}
		before, after := rest[:at[0]], rest[at[1]:]
		all, err := values(strings.Trim(rest[at[0]:at[1]], `"'${}`))
		if err != nil {
			return "", err
		}
		between := `", "`
		if out.Len() == 0 && entry.MatchString(before) {
			between = "\"\n" + before + `"`
		}
		out.WriteString(before + `"` + strings.Join(all, between) + `"`)
		rest = after
	}
}
