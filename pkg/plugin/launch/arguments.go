// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// arguments are what a tracer is started with. What somebody who judges pods has to know stands before the configuration, which the
// tracer follows no further than that.
func arguments(c Config, restricted bool, tracer wire.TracerConfig) []string {
	namespaces := "*"
	if restricted {
		namespaces = strings.Join(c.TargetNamespaces, ",")
	}
	args := []string{"--namespaces=" + namespaces}
	if tracer.Enforce {
		args = append(args, "--enforce")
	}
	return append(args, "--config", argument(tracer))
}

// argument is the configuration as JSON. The kubelet expands $(NAME) and $$ in arguments, so no dollar sign may be in it; in
// JSON one can only stand in a string, where it can be escaped.
func argument(tracer wire.TracerConfig) string {
	document, _ := json.Marshal(tracer) // texts, numbers and lists of them can always be marshalled
	return string(bytes.ReplaceAll(document, []byte("$"), []byte(`\u0024`)))
}
