// SPDX-License-Identifier: Apache-2.0

package sigma

// Reason is the kind of a problem, as it is counted and shown: a short phrase in English.
type Reason string

// The reasons for which a document, or a file, is not loaded.
const (
	// ReasonUnreadable: the file could not be read, or is not a regular file.
	ReasonUnreadable Reason = "not readable"
	// ReasonTooLarge: the file, or what a rule says, is beyond a bound.
	ReasonTooLarge Reason = "too large"
	// ReasonSyntax: not YAML.
	ReasonSyntax Reason = "not YAML"
	// ReasonNoRule: YAML that has neither logsource nor detection.
	ReasonNoRule Reason = "not a Sigma rule"
	// ReasonInvalid: a rule with a mistake.
	ReasonInvalid Reason = "mistake in the rule"
	// ReasonDuplicate: a rule with this id was loaded before.
	ReasonDuplicate Reason = "id is there twice"

	// ReasonProduct: written for another product.
	ReasonProduct Reason = "another product"
	// ReasonCategory: of a category whose events are not known here.
	ReasonCategory Reason = "category not supported"
	// ReasonLogText: about the text of log lines, which a tracer does not see.
	ReasonLogText Reason = "log text"
	// ReasonAuditd: an auditd rule, and these were not asked for.
	ReasonAuditd Reason = "auditd rules were not asked for"
	// ReasonLevel and ReasonStatus: below what was asked for.
	ReasonLevel  Reason = "level"
	ReasonStatus Reason = "status"

	// Parts of the language that need more than one event, or a configuration that is not there.
	ReasonCorrelation Reason = "correlation"
	ReasonAction      Reason = "action"
	ReasonTimeframe   Reason = "timeframe"
	ReasonAggregation Reason = "aggregation"
	ReasonFilter      Reason = "filter document"
	ReasonPlaceholder Reason = "placeholder"
	ReasonModifier    Reason = "unknown modifier"
	ReasonRegexp      Reason = "regular expression"
)
