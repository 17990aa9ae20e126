// SPDX-License-Identifier: Apache-2.0

package recording

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Suffix is what names of recordings end in, plainSuffix that of those that are not compressed.
const (
	Suffix      = ".tsec.zst"
	plainSuffix = ".ndjson"
	// SumSuffix is that of the file with the SHA-256 of another.
	SumSuffix = ".sha256"
)

// fileMode: nobody else may read what processes did.
const fileMode = 0o600

// When what was written has to be on the disk, at the latest.
const (
	syncInterval      = 5 * time.Second
	importantInterval = time.Second
	syncBytes         = 16 << 20
)

// File is a recording on the disk: a Writer that is synchronised in time. It is not for concurrent use.
type File struct {
	*Writer
	name string
	file *os.File
	// sum of the bytes as they are stored.
	sum hash.Hash
	// synced is when, unsynced how many bytes were written since.
	synced   time.Time
	unsynced int64
}

// CheckName says early whether Create would fail, and leaves no file.
func CheckName(name string, force bool) error {
	if _, err := os.Lstat(name); force && err == nil {
		return checkEnded(name)
	}
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return explain(name, err)
	}
	return errors.Join(file.Close(), os.Remove(name))
}

// explain is the error of making a file, with what to do.
func explain(name string, err error) error {
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("recording %s: this file exists: name another, or --record-force replaces it", name)
	}
	return fmt.Errorf("recording: %w", err)
}

// Create makes a file, which must not exist, with the first frame: the manifest and further lines. force replaces one that exists, but
// not a recording that has no trailer, which may be all that is left of a session.
func Create(name string, m Manifest, first [][]byte, force bool) (*File, error) {
	if force {
		if err := removeEnded(name); err != nil {
			return nil, err
		}
	}
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return nil, explain(name, err)
	}
	f := &File{name: name, file: file, sum: sha256.New()}
	if err := f.begin(m, first); err != nil {
		_ = file.Close()
		_ = os.Remove(name)
		return nil, err
	}
	return f, nil
}

func (f *File) begin(m Manifest, first [][]byte) (err error) {
	if f.Writer, err = NewWriter(f, m, strings.HasSuffix(f.name, plainSuffix)); err != nil {
		return err
	}
	for _, line := range first {
		if err := f.Add(line, About{}); err != nil {
			return err
		}
	}
	if err := f.CloseFrame(); err != nil {
		return err
	}
	return errors.Join(f.Sync(), syncFolder(f.name))
}

// checkEnded says when a file is a recording without end.
func checkEnded(name string) error {
	r, err := Open(name)
	if err != nil {
		return nil // it is no recording
	}
	defer r.Close()
	if r.Manifest() == nil {
		return nil
	}
	if report, err := Verify(name); err != nil || report.Trailer == nil {
		return fmt.Errorf("recording %s: this is a recording that has no end: it may be all that is left of a session, remove it yourself", name)
	}
	return nil
}

// removeEnded removes a file that is no recording, or one that has its end.
func removeEnded(name string) error {
	if err := checkEnded(name); err != nil {
		return err
	}
	if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("recording: %w", err)
	}
	return nil
}

// Write is for the Writer.
func (f *File) Write(frame []byte) (int, error) {
	n, err := f.file.Write(frame)
	f.sum.Write(frame[:n])
	f.unsynced += int64(n)
	return n, err
}

// SyncIfDue has the disk take what was written a while ago, or much of it.
func (f *File) SyncIfDue(now time.Time) error {
	if f.unsynced >= syncBytes || f.unsynced > 0 && now.Sub(f.synced) >= syncInterval {
		return f.Sync()
	}
	return nil
}

// SyncSoon is SyncIfDue for what is important: at most once a second.
func (f *File) SyncSoon(now time.Time) error {
	if f.unsynced > 0 && now.Sub(f.synced) >= importantInterval {
		return f.Sync()
	}
	return nil
}

// Sync has the disk take what was written.
func (f *File) Sync() error {
	f.synced, f.unsynced = time.Now(), 0
	if err := f.file.Sync(); err != nil {
		return fmt.Errorf("recording: %w", err)
	}
	return nil
}

// Name of the file.
func (f *File) Name() string { return f.name }

// Finish ends the file, and writes NAME.sha256 beside it, as sha256sum does.
func (f *File) Finish(t Trailer) (chain string, err error) {
	chain, err = f.Writer.Finish(t)
	err = errors.Join(err, f.Sync(), f.file.Close())
	if err != nil {
		return "", err
	}
	text := hex.EncodeToString(f.sum.Sum(nil)) + "  " + filepath.Base(f.name) + "\n"
	if err := os.WriteFile(f.name+SumSuffix, []byte(text), fileMode); err != nil {
		return chain, fmt.Errorf("recording: %w", err)
	}
	return chain, syncFolder(f.name)
}

// Close leaves a file without its end.
func (f *File) Close() error { return f.file.Close() }

// syncFolder has the disk take the name of a file. Not every system can, and then there is nothing to be done.
func syncFolder(name string) error {
	folder, err := os.Open(filepath.Dir(name))
	if err != nil {
		return nil
	}
	defer folder.Close()
	_ = folder.Sync()
	return nil
}
