// SPDX-License-Identifier: Apache-2.0

package advise

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"sigs.k8s.io/yaml"
)

// formats is the table of what the advice is written as; the first is the default.
var formats = [...]struct {
	name  string
	write func(io.Writer, *Advice) error
}{
	{"", writeText},
	{"json", func(out io.Writer, a *Advice) error {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(a)
	}},
	{"yaml", func(out io.Writer, a *Advice) error {
		text, err := yaml.Marshal(a)
		if err == nil {
			_, err = out.Write(text)
		}
		return err
	}},
}

// Formats lists the names of the formats that hold the data; without one, the advice is patches.
func Formats() (names []string) {
	for _, f := range formats[1:] {
		names = append(names, f.name)
	}
	return names
}

func writer(name string) (func(io.Writer, *Advice) error, error) {
	for _, f := range formats {
		if f.name == name {
			return f.write, nil
		}
	}
	return nil, fmt.Errorf("unknown output format %q of advice: want one of %s, or none for patches", name, strings.Join(Formats(), ", "))
}
