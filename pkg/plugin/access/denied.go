// SPDX-License-Identifier: Apache-2.0

package access

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Denied is the error about permissions that the user does not have. Its text names each of them and the commands that
// an administrator grants them with.
type Denied struct {
	Missing []Need
	// User as the API server knows it; empty when unknown.
	User string
}

// Error lists what is missing and the remedy, on several lines.
func (d *Denied) Error() string {
	who := "you"
	if d.User != "" {
		who = fmt.Sprintf("user %q", d.User)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s may not:", who)
	for _, n := range d.Missing {
		fmt.Fprintf(&b, "\n  %s", n)
	}
	b.WriteString("\nAsk an administrator to apply manifests/rbac.yaml of kubectl-trace-sec and bind its roles, or to run:")
	for _, command := range d.Remedy() {
		b.WriteString("\n  " + command)
	}
	return b.String()
}

// Remedy is the kubectl commands that grant exactly the missing verbs and resources: a role and its binding for each
// namespace, or a cluster role.
func (d *Denied) Remedy() []string {
	subject := d.subject()
	type scope struct{ namespace, group string }
	var scopes []scope
	verbs, resources := map[scope][]string{}, map[scope][]string{}
	for _, n := range d.Missing {
		s := scope{n.Namespace, n.Group}
		if !slices.Contains(scopes, s) {
			scopes = append(scopes, s)
		}
		resource, sub, _ := strings.Cut(n.Resources(), "/")
		if n.Group != "" {
			resource += "." + n.Group
		}
		if sub != "" {
			resource += "/" + sub
		}
		verbs[s] = appendNew(verbs[s], n.Verb)
		resources[s] = appendNew(resources[s], resource)
	}
	var commands []string
	for _, s := range scopes {
		// Named for what it grants: the next refusal's role must not be in the way of this one's.
		name := "trace-sec-" + strings.NewReplacer(".", "-", "/", "-").Replace(resources[s][0])
		kind, in := "role", " --namespace="+s.namespace
		if s.namespace == "" {
			kind, in = "clusterrole", ""
		}
		commands = append(commands,
			fmt.Sprintf("kubectl create %s %s%s --verb=%s --resource=%s", kind, name, in, strings.Join(verbs[s], ","), strings.Join(resources[s], ",")),
			fmt.Sprintf("kubectl create %sbinding %s%s --%s=%s %s", kind, name, in, kind, name, subject))
	}
	return commands
}

// safe are the user names that need no quotes in a shell.
var safe = regexp.MustCompile(`^[\w@%+=:,./-]+$`)

// subject is the option of `kubectl create rolebinding` that names the user.
func (d *Denied) subject() string {
	if account, ok := strings.CutPrefix(d.User, "system:serviceaccount:"); ok {
		return "--serviceaccount=" + account
	}
	if !safe.MatchString(d.User) {
		return "--user=" + quote(d.User)
	}
	return "--user=" + d.User
}

// quote makes one shell word of a user name; an unknown one is left for the reader to fill in.
func quote(name string) string {
	if name == "" {
		return "<you>"
	}
	return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
}

func appendNew(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}
