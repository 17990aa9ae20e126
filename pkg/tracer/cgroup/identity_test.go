// SPDX-License-Identifier: Apache-2.0

package cgroup

import "testing"

func TestParse(t *testing.T) {
	const (
		id   = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
		id2  = "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
		uid  = "6f0f3c1e-8f6e-4d5b-9c8a-0f1e2d3c4b5a"
		uid_ = "6f0f3c1e_8f6e_4d5b_9c8a_0f1e2d3c4b5a"
		hash = "d0f8a4d1c2b3a4958677665544332211"
	)
	for name, test := range map[string]struct {
		path string
		want Identity
	}{
		"host":                              {"/system.slice/ssh.service", Identity{}},
		"root":                              {"", Identity{}},
		"cgroupfs burstable":                {"/kubepods/burstable/pod" + uid + "/" + id, Identity{uid, id}},
		"cgroupfs guaranteed":               {"/kubepods/pod" + uid + "/" + id, Identity{uid, id}},
		"cgroupfs pod itself":               {"/kubepods/besteffort/pod" + uid, Identity{uid, ""}},
		"below a root of the kubelet's":     {"/node-1/kubepods/besteffort/pod" + uid + "/" + id, Identity{uid, id}},
		"systemd containerd":                {"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + uid_ + ".slice/cri-containerd-" + id + ".scope", Identity{uid, id}},
		"systemd guaranteed CRI-O":          {"/kubepods.slice/kubepods-pod" + uid_ + ".slice/crio-" + id + ".scope", Identity{uid, id}},
		"CRI-O with a container's own tree": {"/kubepods.slice/kubepods-pod" + uid_ + ".slice/crio-" + id + ".scope/container", Identity{uid, id}},
		"CRI-O's monitor":                   {"/kubepods.slice/kubepods-pod" + uid_ + ".slice/crio-conmon-" + id + ".scope", Identity{uid, ""}},
		"cri-dockerd systemd":               {"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" + uid_ + ".slice/docker-" + id + ".scope", Identity{uid, id}},
		"cri-dockerd cgroupfs":              {"/kubepods/besteffort/pod" + uid + "/" + id, Identity{uid, id}},
		"containerd, systemd as cgroupfs":   {"/system.slice/containerd.service/kubepods-burstable-pod" + uid_ + ".slice:cri-containerd:" + id, Identity{"", id}},
		"static pod":                        {"/kubepods/burstable/pod" + hash + "/" + id, Identity{hash, id}},
		"kind, cgroupfs":                    {"/docker/" + id2 + "/kubelet/kubepods/pod" + uid + "/" + id, Identity{uid, id}},
		"kind, systemd":                     {"/docker/" + id2 + "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/kubelet-kubepods-besteffort-pod" + uid_ + ".slice/cri-containerd-" + id + ".scope", Identity{uid, id}},
		"container engine, no pod":          {"/docker/" + id, Identity{"", id}},
		"nested names do not fool":          {"/kubepods/pod" + uid + "/" + id + "/" + id2, Identity{uid, id}},
		"nested pods do not fool":           {"/kubepods/pod" + uid + "/" + id + "/kubepods/pod" + uid[:35] + "0/" + id2, Identity{uid, id}},
		"systemd inside a container":        {"/kubepods/pod" + uid + "/" + id + "/system.slice/x.service", Identity{uid, id}},
		"too short an id":                   {"/kubepods/pod" + uid + "/" + id[:63], Identity{uid, ""}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Parse(test.path); got != test.want {
				t.Errorf("Parse(%q) = %+v, want %+v", test.path, got, test.want)
			}
		})
	}
}
