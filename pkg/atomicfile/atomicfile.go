// Package atomicfile replaces files in one step: the content is written beside the file and renamed over it,
// so that a reader sees the old file or the new one, never a part.
package atomicfile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Write calls write with a buffered writer and gives what it wrote the name name.
// Where write or a later step fails, the file that had the name before is still there.
// A name that is there and is no regular file (a terminal, a pipe, /dev/stdout) is written to directly;
// a symbolic link is followed, so that the link stays.
func Write(name string, write func(w io.Writer) error) (err error) {
	if name == "" {
		return errors.New("cannot write: the file name is empty")
	}
	// Only what a rename cannot replace is written in place.
	info, statErr := os.Stat(name)
	if statErr == nil && info.IsDir() {
		return fmt.Errorf("cannot write %s: it is a directory", name)
	}
	if statErr == nil && !info.Mode().IsRegular() {
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return fmt.Errorf("cannot write %s: %w", name, cause(err))
		}
		return finish(name, f, write)
	}

	target, mode := name, fs.FileMode(0o644)
	if statErr == nil {
		mode = info.Mode().Perm()
		// A rename would pass over the file's own write protection.
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return fmt.Errorf("cannot write %s: %w", name, cause(err))
		}
		f.Close()
		if target, err = filepath.EvalSymlinks(name); err != nil {
			return fmt.Errorf("cannot write %s: %w", name, cause(err))
		}
	}
	f, err := os.CreateTemp(filepath.Dir(target), "."+filepath.Base(target)+".*.tmp")
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", name, cause(err))
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	// CreateTemp gives 0600; the mode of the file that is replaced, or the usual one, is what people expect.
	if err := f.Chmod(mode); err != nil {
		f.Close()
		return fmt.Errorf("cannot write %s: %w", name, cause(err))
	}
	if err := finish(name, f, write); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), target); err != nil {
		return fmt.Errorf("cannot write %s: %w", name, cause(err))
	}
	return nil
}

// finish runs write on f, flushes, syncs and closes it.
func finish(name string, f *os.File, write func(w io.Writer) error) error {
	b := bufio.NewWriterSize(f, 1<<16)
	err := write(b)
	if err == nil {
		err = b.Flush()
	}
	if err == nil {
		// Terminals and pipes cannot be synced, and need not be.
		if info, e := f.Stat(); e == nil && info.Mode().IsRegular() {
			err = f.Sync()
		}
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", name, cause(err))
	}
	return nil
}

// cause is err without the temporary name that *fs.PathError and *os.LinkError carry.
func cause(err error) error {
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		return p.Err
	}
	if l := (*os.LinkError)(nil); errors.As(err, &l) {
		return l.Err
	}
	return err
}
