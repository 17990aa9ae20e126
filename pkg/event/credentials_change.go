// SPDX-License-Identifier: Apache-2.0

package event

// CredentialsChange is what the reader of events knows about a change of credentials; those after it are the event's argument.
// It is not Tetragon's, and no tracer fills it in.
type CredentialsChange struct {
	// Before are the credentials that the process had; nil when they are not known.
	Before *ProcessCredentials `json:"before,omitempty"`
	// Rises: a user or group id became 0, or capabilities were gained.
	Rises bool `json:"rises,omitempty"`
}
