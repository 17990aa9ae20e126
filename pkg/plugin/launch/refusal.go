// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// refusals are the ways in which admission refuses a tracer pod, by a part of the API server's text: there is no other
// sign to tell them by, since all are 403 Forbidden.
var refusals = [...]struct {
	sign    string
	message string
	// remedy has %[1]s for the namespace and %[2]s for the image.
	remedy string
}{
	{"'" + admissionPolicy + "'", "the admission policy of namespace %[1]s does not let this tracer pod in", admissionRemedy},
	{"violates PodSecurity", "Pod Security of namespace %[1]s does not allow tracer pods",
		"an administrator can allow them with: kubectl label --overwrite namespace %[1]s pod-security.kubernetes.io/enforce=privileged"},
	{"exceeded quota", "a quota of namespace %[1]s leaves no room for a tracer pod",
		"see kubectl --namespace=%[1]s describe resourcequota, raise it, or use another --tracer-namespace"},
	{"failed quota", "a quota of namespace %[1]s asks for requests or limits that tracer pods do not set",
		"see kubectl --namespace=%[1]s describe resourcequota, or use another --tracer-namespace"},
	{"usage per", "a limit range of namespace %[1]s does not allow the size of a tracer pod",
		"see kubectl --namespace=%[1]s describe limitrange, or use another --tracer-namespace"},
	{"security context constraint", "OpenShift's security context constraints do not allow tracer pods",
		"an administrator can allow them with: oc adm policy add-scc-to-user privileged -z default -n %[1]s"},
	{"admission webhook", "an admission webhook of the cluster refuses tracer pods",
		"let its policy exempt namespace %[1]s or image %[2]s"},
	{"ValidatingAdmissionPolicy", "an admission policy of the cluster refuses tracer pods",
		"let the policy exempt namespace %[1]s or image %[2]s"},
	{"autogke-", "GKE Autopilot does not allow tracer pods", "tracing is not possible there"},
}

// admissionPolicy judges tracer pods: manifests/admission.yaml.
const admissionPolicy = "trace-sec-tracers"

// admissionRemedy is what an administrator can do about a tracer that is not listed.
const admissionRemedy = "an administrator lists this plugin's tracers with kubectl trace-sec tracers --admission, see docs/admission.md"

// refusal explains an error of a pod's creation. Node is empty in the dry run, whose answer is the same for all nodes.
func refusal(c Config, node string, err error) *NodeError {
	refused := &NodeError{Node: node, Reason: Refused, Message: fmt.Sprintf("cannot create the tracer pod in namespace %s: %v", c.Namespace, err), Err: err}
	if !apierrors.IsForbidden(err) && !apierrors.IsInvalid(err) && !apierrors.IsBadRequest(err) {
		return refused
	}
	for _, r := range refusals {
		if strings.Contains(err.Error(), r.sign) {
			refused.Message = format(r.message, c) + ": " + err.Error()
			refused.Remedy = format(r.remedy, c)
			return refused
		}
	}
	return refused
}

func format(text string, c Config) string {
	return strings.NewReplacer("%[1]s", c.Namespace, "%[2]s", c.Image).Replace(text)
}
