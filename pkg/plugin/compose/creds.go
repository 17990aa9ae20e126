// SPDX-License-Identifier: Apache-2.0

package compose

// CredentialsPolicy is the name of the policy of Credentials.
const CredentialsPolicy = "creds"

// Functions of the kernel that the events of Credentials are about: the first gets the new credentials.
const (
	CommitCredentials   = "commit_creds"
	CreateUserNamespace = "create_user_ns"
)

// CredentialsBefore is the place, among the data of an event of CommitCredentials, of the credentials that the thread has. Where
// a tracepoint stands in for the function they are the new ones already.
const CredentialsBefore = 0

// Credentials is the policy that tells what credentials processes get, also when they are those that they had, and who makes
// user namespaces.
func Credentials() Policy {
	commit := ofKernel(CommitCredentials, Argument{Index: 0, Type: "cred"})
	commit.Data = []Argument{{Type: "cred", Source: "current_task", Resolve: "cred", Label: "before"}}
	return Policy{Name: CredentialsPolicy, Kprobes: []Hook{commit, ofKernel(CreateUserNamespace)}}
}
