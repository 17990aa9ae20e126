// SPDX-License-Identifier: Apache-2.0

//go:build linux

package kernel

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unsafe"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
)

// Key names a process for as long as the machine runs: tgid and start time of its leader.
type Key = bpf.ProcessTaskKey

// The flags of records, as records.h explains them.
const (
	ArgumentsCut        = uint32(bpf.ProcessRecordFlagsRECORD_ARGUMENTS_CUT)
	ArgumentsUnreadable = uint32(bpf.ProcessRecordFlagsRECORD_ARGUMENTS_UNREADABLE)
	ExecutableCut       = uint32(bpf.ProcessRecordFlagsRECORD_EXECUTABLE_CUT)
	CwdCut              = uint32(bpf.ProcessRecordFlagsRECORD_CWD_CUT)
	Interpreted         = uint32(bpf.ProcessRecordFlagsRECORD_INTERPRETED)
	ParentOutside       = uint32(bpf.ProcessRecordFlagsRECORD_PARENT_OUTSIDE)
	KernelThread        = uint32(bpf.ProcessRecordFlagsRECORD_KERNEL_THREAD)
)

// Image is a program image: of an exec, or of a process that the task iterator found.
type Image struct {
	bpf.ProcessImageRecord
	CgroupPath       string
	Filename         string
	Executable       string
	Cwd              string
	ParentExecutable string
	// Arguments are argv, argv[0] included, each ended by a zero byte.
	Arguments string
}

// Cgroup is a cgroup that was made, or that a process was put into.
type Cgroup struct {
	bpf.ProcessCgroupRecord
	Path string
}

// Handler takes records one after the other, in the order in which the kernel made them. It may keep what it gets, but for the
// raw record of a hook, whose memory is used again. An error of Hook says that it can't be decoded.
type Handler interface {
	Exec(*Image)
	Fork(*bpf.ProcessForkRecord)
	Exit(*bpf.ProcessExitRecord)
	Cgroup(*Cgroup)
	// CgroupGone: the cgroup with this id was removed, and no other will have it.
	CgroupGone(id uint64)
	// Moved: a process was put into a cgroup outside of the scope.
	Moved(*Cgroup)
	Hook(raw []byte) error
	// Await waits no longer than d until there is room for a record, and says whether there is. What waits in the ring meanwhile is
	// shared out between targets.
	Await(d time.Duration) bool
}

// errShort is the fault of a record that does not hold what its kind must.
var errShort = errors.New("record is too short")

// structAt copies the struct that raw begins with: the kernel wrote it with this machine's layout and byte order.
func structAt[T any](raw []byte) (*T, error) {
	var to T
	size := int(unsafe.Sizeof(to))
	if len(raw) < size {
		return nil, fmt.Errorf("%w: %d bytes, a %T takes %d", errShort, len(raw), to, size)
	}
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&to)), size), raw)
	return &to, nil
}

// decoders by class of record.
var decoders = [...]func(raw []byte, h Handler) error{
	bpf.ProcessRecordClassCLASS_EXEC: func(raw []byte, h Handler) error {
		image, _, err := decodeImage(raw)
		if err == nil {
			h.Exec(image)
		}
		return err
	},
	bpf.ProcessRecordClassCLASS_FORK: func(raw []byte, h Handler) error {
		r, err := structAt[bpf.ProcessForkRecord](raw)
		if err == nil {
			h.Fork(r)
		}
		return err
	},
	bpf.ProcessRecordClassCLASS_EXIT: func(raw []byte, h Handler) error {
		r, err := structAt[bpf.ProcessExitRecord](raw)
		if err == nil {
			h.Exit(r)
		}
		return err
	},
	bpf.ProcessRecordClassCLASS_CGROUP: func(raw []byte, h Handler) error { return decodeCgroup(raw, h.Cgroup) },
	bpf.ProcessRecordClassCLASS_MOVE:   func(raw []byte, h Handler) error { return decodeCgroup(raw, h.Moved) },
	bpf.ProcessRecordClassCLASS_CGROUP_GONE: func(raw []byte, h Handler) error {
		r, err := structAt[bpf.ProcessRecordHeader](raw)
		if err == nil {
			h.CgroupGone(r.Cgroup)
		}
		return err
	},
	bpf.ProcessRecordClassCLASS_HOOK: func(raw []byte, h Handler) error { return h.Hook(raw) },
}

// decode hands the record in raw to h.
func decode(raw []byte, h Handler) error {
	header, err := structAt[bpf.ProcessRecordHeader](raw)
	if err != nil {
		return err
	}
	if header.Class >= uint32(len(decoders)) {
		return fmt.Errorf("record of unknown class %d", header.Class)
	}
	return decoders[header.Class](raw, h)
}

// decodeCgroup hands the cgroup in raw to take.
func decodeCgroup(raw []byte, take func(*Cgroup)) error {
	r, err := structAt[bpf.ProcessCgroupRecord](raw)
	if err != nil {
		return err
	}
	c := &Cgroup{ProcessCgroupRecord: *r}
	_, err = takeStrings(raw[unsafe.Sizeof(*r):], part{r.CgroupPathLength, &c.Path})
	if err == nil {
		take(c)
	}
	return err
}

// decodeImage reads the image that raw begins with and returns what follows it.
func decodeImage(raw []byte) (*Image, []byte, error) {
	r, err := structAt[bpf.ProcessImageRecord](raw)
	if err != nil {
		return nil, nil, err
	}
	i := &Image{ProcessImageRecord: *r}
	rest, err := takeStrings(raw[unsafe.Sizeof(*r):],
		part{r.CgroupPathLength, &i.CgroupPath},
		part{r.FilenameLength, &i.Filename},
		part{r.ExecutableLength, &i.Executable},
		part{r.CwdLength, &i.Cwd},
		part{r.ParentExecutableLength, &i.ParentExecutable},
		part{r.ArgumentsLength, &i.Arguments})
	return i, rest, err
}

// part is one of the strings behind a struct.
type part struct {
	length uint32
	to     *string
}

func takeStrings(raw []byte, parts ...part) (rest []byte, err error) {
	for _, p := range parts {
		if uint64(p.length) > uint64(len(raw)) {
			return nil, fmt.Errorf("%w: a string of %d bytes, %d are left", errShort, p.length, len(raw))
		}
		*p.to = string(raw[:p.length])
		raw = raw[p.length:]
	}
	return raw, nil
}

// Text is the string in a fixed array of C characters.
func Text(chars [16]int8) string {
	var b strings.Builder
	for _, c := range chars {
		if c == 0 {
			break
		}
		b.WriteByte(byte(c))
	}
	return b.String()
}
