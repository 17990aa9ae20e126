// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"testing"

	"k8s.io/klog/v2"
)

// -v=1 is ours: client-go would list its feature gates.
func TestVerbosity(t *testing.T) {
	f := verbosity()
	t.Cleanup(func() {
		if err := f.Value.Set("0"); err != nil {
			t.Error(err)
		}
	})
	for _, test := range []struct {
		level  string
		klog   klog.Level
		silent klog.Level
	}{{"1", 0, 1}, {"6", 6, 7}, {"0", 0, 1}} {
		if err := f.Value.Set(test.level); err != nil {
			t.Fatal(err)
		}
		if f.Value.String() != test.level || !klog.V(test.klog).Enabled() || klog.V(test.silent).Enabled() {
			t.Errorf("-v=%s is %q, klog has %d: %v, %d: %v", test.level, f.Value, test.klog, klog.V(test.klog).Enabled(), test.silent, klog.V(test.silent).Enabled())
		}
	}
	if err := f.Value.Set("x"); err == nil {
		t.Error("x is a level")
	}
}
