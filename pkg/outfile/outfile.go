// Package outfile writes the output files of the programs. A Guard refuses outputs before the work
// that they would lose or destroy. A Group replaces files that belong together: whatever happens, a
// reader finds all old files or all new ones, and never a part of a file.
package outfile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// Write calls write with a buffered writer and gives what it wrote the name name. It is a Group of
// one file.
func Write(name string, write func(w io.Writer) error) error {
	var g Group
	g.Add(name, write)
	return g.Commit()
}

// WriteNew is Write for a file that must replace no other. If there is a file with the name, it
// takes the first of name-2, name-3 and so on that is free, with the number before the extension.
// It returns the name of the file.
func WriteNew(name string, write func(w io.Writer) error) (taken string, err error) {
	dir, base := split(name)
	r := &replacement{place: place{name: name, fd: -1, dir: dir, base: base}}
	defer r.discard()
	if err = r.checkFolder(); err == nil {
		err = r.prepare(write)
	}
	if err == nil {
		err = r.takeFree()
	}
	if err != nil {
		return "", cannotWrite(name, err)
	}
	return strings.TrimSuffix(name, base) + r.base, nil
}

// A Group is a list of files that are replaced together. The zero Group is empty.
//
// Each file is written beside the old one and synced, then all take their names. Until then the old
// files stay; if a step fails, they stay or come back. A killed program leaves a mixture of old and
// new files only if it dies while they take their names, which is a matter of milliseconds.
//
// A new file gets the mode that the umask leaves. A file that replaces another gets its owner, mode
// and extended attributes, as far as the process may give them. A symbolic link is followed and
// stays. A device, a pipe or a descriptor such as /dev/stdout is written directly, after the files
// have been written and before they take their names. A file that cannot be replaced, such as a
// single file that is mounted, is overwritten with the finished content.
type Group struct{ outputs []output }

type output struct {
	name  string
	write func(w io.Writer) error
}

// Add adds the file name, with the content that write writes. Commit calls write once.
func (g *Group) Add(name string, write func(w io.Writer) error) {
	g.outputs = append(g.outputs, output{name, write})
}

// Commit writes and replaces the files of the group. If it returns an error, which names the file
// that failed, all files are the old ones. There is one exception: a group of one file keeps the
// new file if only its folder could not be synced.
func (g *Group) Commit() error {
	var files []*replacement
	defer func() {
		for _, r := range files {
			r.discard()
		}
	}()
	places := make([]place, len(g.outputs))
	for i, o := range g.outputs {
		var err error
		if o.name == "" {
			return errors.New("cannot write: the file name is empty")
		}
		if places[i], err = find(o.name); err == nil {
			err = places[i].check()
		}
		if err != nil {
			return cannotWrite(o.name, err)
		}
	}
	for i, o := range g.outputs {
		if places[i].direct() {
			continue
		}
		r := &replacement{place: places[i]}
		files = append(files, r)
		if err := r.prepare(o.write); err != nil {
			return cannotWrite(o.name, err)
		}
	}
	for i, o := range g.outputs {
		if !places[i].direct() {
			continue
		}
		if err := places[i].writeDirectly(o.write); err != nil {
			return cannotWrite(o.name, err)
		}
	}
	return replaceAll(files)
}

// writeDirectly writes what is no file in a folder.
func (p place) writeDirectly(write func(w io.Writer) error) error {
	var f *os.File
	var err error
	if p.fd >= 0 {
		// Opened by its name, a file that is appended to would be overwritten.
		f, err = duplicate(p.fd)
	} else {
		f, err = os.OpenFile(p.name, os.O_WRONLY, 0)
	}
	if err != nil {
		return err
	}
	return fill(f, write)
}

// fill writes, syncs and closes f.
func fill(f *os.File, write func(w io.Writer) error) error {
	b := bufio.NewWriterSize(faultyWriter{f}, 1<<16)
	err := write(b)
	if err == nil {
		err = b.Flush()
	}
	if err == nil {
		// Terminals and pipes cannot be synced, and need not be.
		if info, e := f.Stat(); e == nil && info.Mode().IsRegular() {
			err = syncFile(f)
		}
	}
	if e := closeFile(f); err == nil {
		err = e
	}
	return err
}

func closeFile(f *os.File) error {
	err := f.Close()
	if e := fault("close"); e != nil {
		return e
	}
	return err
}

// faultyWriter is a file in which every write is a step that can fail.
type faultyWriter struct{ f *os.File }

func (w faultyWriter) Write(p []byte) (int, error) {
	if err := fault("write"); err != nil {
		return 0, err
	}
	return w.f.Write(p)
}

// syncFile syncs a file or folder. Some file systems have no such operation, which is no fault.
func syncFile(f *os.File) error {
	err := fault("sync")
	if err == nil {
		err = f.Sync()
	}
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EINVAL) {
		return nil
	}
	return err
}

// cannotWrite returns the error of a file that cannot be written since a step failed with err.
func cannotWrite(name string, err error) error {
	return fmt.Errorf("cannot write %s: %w", name, reason(err))
}

// reason returns why a step failed: its error without the step, and without its file, which is a
// temporary one or named anyway.
func reason(err error) error {
	switch e := err.(type) {
	case *fs.PathError:
		return e.Err
	case *os.LinkError:
		return e.Err
	}
	return err
}
