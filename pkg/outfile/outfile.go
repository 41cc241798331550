// Package outfile writes the output files of the programs. A Guard refuses outputs before the work
// that they would lose or destroy. Write replaces a file in one step: a reader sees the old file or
// the new one, never a part.
package outfile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Write calls write with a buffered writer and gives what it wrote the name name. If write or a
// later step fails, the file that had the name before is still there. A device, a pipe or a
// descriptor such as /dev/stdout is written directly. A symbolic link is followed and stays.
func Write(name string, write func(w io.Writer) error) error {
	if name == "" {
		return errors.New("cannot write: the file name is empty")
	}
	if err := replace(name, write); err != nil {
		return cannotWrite(name, err)
	}
	return nil
}

func replace(name string, write func(w io.Writer) error) (err error) {
	p, err := find(name)
	if err != nil {
		return err
	}
	if err := p.writable(); err != nil {
		return err
	}
	if p.direct() {
		var f *os.File
		if p.fd >= 0 {
			f, err = duplicate(p.fd)
		} else {
			f, err = os.OpenFile(name, os.O_WRONLY, 0)
		}
		if err != nil {
			return err
		}
		return finish(f, write)
	}
	f, err := os.CreateTemp(p.dir, "."+p.base+".*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	// CreateTemp gives 0600.
	mode := fs.FileMode(0o644)
	if p.info != nil {
		mode = p.info.Mode().Perm()
	}
	if err := f.Chmod(mode); err != nil {
		f.Close()
		return err
	}
	if err := finish(f, write); err != nil {
		return err
	}
	return os.Rename(f.Name(), p.path())
}

// finish runs write on f, flushes, syncs and closes it.
func finish(f *os.File, write func(w io.Writer) error) error {
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
	return err
}

// cannotWrite returns the error of a file that cannot be written for the reason err.
func cannotWrite(name string, err error) error {
	return fmt.Errorf("cannot write %s: %w", name, cause(err))
}

// cause returns err without the temporary name that *fs.PathError and *os.LinkError carry.
func cause(err error) error {
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		return p.Err
	}
	if l := (*os.LinkError)(nil); errors.As(err, &l) {
		return l.Err
	}
	return err
}
