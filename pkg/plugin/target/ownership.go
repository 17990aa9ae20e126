// SPDX-License-Identifier: Apache-2.0

package target

import (
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
)

// ownership remembers whether objects belong to the one that the user named.
type ownership struct {
	mu    sync.Mutex
	known map[types.UID]bool
}

// is asks once. When the question fails it goes by the name, which has matched: rather a pod too many than one missed.
func (o *ownership) is(uid types.UID, ask func() (bool, error)) bool {
	o.mu.Lock()
	answer, ok := o.known[uid]
	o.mu.Unlock()
	if ok {
		return answer
	}
	answer, err := ask()
	if err != nil && !apierrors.IsNotFound(err) {
		return true
	}
	if err != nil { // the job is gone, its pods are not: the name has to do
		answer = true
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.known == nil {
		o.known = map[types.UID]bool{}
	}
	o.known[uid] = answer
	return answer
}
