// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// notConfig is how client-go begins its error about a file that is no kubeconfig; the rest is about Go's types.
var notConfig = regexp.MustCompile(`^error loading config file "([^"]*)": (couldn't get version/kind|yaml: )`)

// unreadable is the error about a kubeconfig that can't be read.
func unreadable(err error) error {
	if file := notConfig.FindStringSubmatch(err.Error()); file != nil {
		return fmt.Errorf("read kubeconfig: %s is none: it is not YAML with apiVersion and kind", file[1])
	}
	return fmt.Errorf("read kubeconfig: %w", err)
}

// checkNames wants the context, cluster and user of the flags to be in the kubeconfig.
func (c *Cluster) checkNames(raw clientcmdapi.Config) error {
	userHint := ""
	if !slices.Contains(slices.Collect(maps.Keys(raw.AuthInfos)), *c.Config.AuthInfoName) {
		userHint = " (--uid filters by the user of a process, --as acts as another)"
	}
	return errors.Join(
		checkName("context", *c.Config.Context, slices.Collect(maps.Keys(raw.Contexts)), ""),
		checkName("cluster", *c.Config.ClusterName, slices.Collect(maps.Keys(raw.Clusters)), ""),
		checkName("user", *c.Config.AuthInfoName, slices.Collect(maps.Keys(raw.AuthInfos)), userHint),
	)
}

// mostListed names are in a message.
const mostListed = 10

func checkName(flag, name string, names []string, hint string) error {
	if name == "" || slices.Contains(names, name) {
		return nil
	}
	text := fmt.Sprintf("--%s %q: the kubeconfig has no such %s%s", flag, name, flag, hint)
	near := policy.Near(name, names)
	switch {
	case len(near) > 0:
		return fmt.Errorf("%s; did you mean %s?", text, strings.Join(near, " or "))
	case len(names) == 0:
		return fmt.Errorf("%s, and none at all", text)
	case len(names) > mostListed:
		return fmt.Errorf("%s; it has %d, see kubectl config view", text, len(names))
	}
	slices.Sort(names)
	return fmt.Errorf("%s; it has %s", text, strings.Join(names, ", "))
}
