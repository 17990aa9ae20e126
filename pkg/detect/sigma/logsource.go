// SPDX-License-Identifier: Apache-2.0

package sigma

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// LogSource says which events a rule is about. The parts are in lower case, and empty where the rule does not say.
type LogSource struct{ Product, Category, Service string }

// String is product/category/service without what is empty.
func (l LogSource) String() string {
	var parts []string
	for _, part := range [...]string{l.Product, l.Category, l.Service} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "/")
}

// Categories of rules that are loaded.
const (
	ProcessCreation   = "process_creation"
	FileEvent         = "file_event"
	NetworkConnection = "network_connection"
)

// Auditd is the service of rules over the records of Linux's audit daemon.
const Auditd = "auditd"

// product that rules are loaded of; rules without a product are for all.
const linux = "linux"

// Auditd says whether the rule is about records of the audit daemon.
func (l LogSource) Auditd() bool { return l.Category == "" && l.Service == Auditd }

// refused says why rules of the source are not loaded; the reason is empty if they are.
func (l LogSource) refused() (Reason, string) {
	switch {
	case l.Product != "" && l.Product != linux:
		return ReasonProduct, "the rule is for " + shown(l.Product) + ", not for " + linux
	case l.Auditd():
		return "", ""
	case l.Category == "" && l.Service == "" && l.Product == "":
		return ReasonInvalid, "logsource names neither product, category nor service"
	case l.Category == "":
		return ReasonLogText, "the rule is about log text of " + l.String() + ", which is not traced"
	case l.Service != "":
		return ReasonCategory, "events of " + l.String() + " are not known here"
	case l.Category == ProcessCreation, l.Category == FileEvent, l.Category == NetworkConnection:
		return "", ""
	}
	return ReasonCategory, "events of category " + shown(l.Category) + " are not known here"
}

// logSource reads the key of that name, and says whether rules of the source are loaded.
func (d *document) logSource(n *yaml.Node) bool {
	if n.Kind != yaml.MappingNode {
		d.fail(n, ReasonInvalid, "logsource is a mapping of product, category and service, not %s", kindOf(n))
		return false
	}
	parts := map[string]*string{"product": &d.rule.Source.Product, "category": &d.rule.Source.Category, "service": &d.rule.Source.Service}
	for _, e := range d.entries(n) {
		if part := parts[e.key.Value]; part != nil {
			*part = strings.ToLower(d.text(e.value, e.key.Value))
		}
	}
	reason, message := d.rule.Source.refused()
	if reason != "" {
		d.fail(n, reason, "%s", message)
	}
	return reason == ""
}
