// SPDX-License-Identifier: Apache-2.0

// Package filter decides which events are shown and what of them: by their process, arguments, policy or type, by an
// expression (CEL), by descent; it takes secrets out of them, and all fields but some.
//
// What can be compared is a row in one table (criteria.go), for what is wanted and for what is left out alike. The names of
// fields are those of the events' JSON, read from their types (schema.go). What tetra getevents has as well means the same
// here: the values of one kind are alternatives, different kinds all have to match.
package filter
