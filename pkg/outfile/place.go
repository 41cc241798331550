package outfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// A place is where a name leads.
type place struct {
	name   string
	use    use
	stream bool        // one of the standard streams
	info   fs.FileInfo // of the file; nil if it is not there
	fd     int         // the descriptor of this process that the name stands for; otherwise -1

	// The file without symbolic links in its last element; empty if fd is set.
	dir, base string
}

// maxLinks is the number of symbolic links after which Linux, too, gives up.
const maxLinks = 40

// find follows the symbolic links of name as opening it would, to a file that need not be there.
// Only fs.ErrNotExist counts as not there.
func find(name string) (place, error) {
	p := place{name: name, fd: -1}
	info, err := os.Stat(name)
	if err == nil {
		p.info = info
	} else if !errors.Is(err, fs.ErrNotExist) {
		p.dir, p.base = split(name)
		if missing := p.checkFolder(); missing != nil {
			err = missing
		}
		return p, err
	}
	for range maxLinks {
		p.dir, p.base = split(name)
		if p.fd = descriptor(p.dir, p.base); p.fd >= 0 {
			p.dir, p.base = "", ""
			return p, nil
		}
		link, err := os.Readlink(name)
		if err != nil {
			return p, nil // it is no link
		}
		if name = link; !filepath.IsAbs(link) && p.dir != "." {
			name = p.dir + string(filepath.Separator) + link
		}
	}
	return p, errors.New("too many symbolic links")
}

// direct reports whether the place is written as it is, because no file can take its place.
func (p place) direct() bool { return p.fd >= 0 || p.info != nil && !p.info.Mode().IsRegular() }

// check returns an error if the place cannot be written.
func (p place) check() error {
	if p.info != nil && p.info.IsDir() {
		return errors.New("it is a directory")
	}
	if p.fd >= 0 {
		return openForWriting(p.fd)
	}
	if p.direct() {
		return nil // opening a pipe would wait for its reader
	}
	if p.info != nil {
		// A rename would pass over the write protection of the file.
		f, err := os.OpenFile(p.path(), os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		f.Close()
	}
	if err := p.checkFolder(); err != nil {
		return err
	}
	if p.base == "" || p.base == "." || p.base == ".." {
		return errors.New("it is the name of a folder")
	}
	return nil
}

// try returns an error if the folder of the place takes no new file, which only creating one shows.
// That is no fault if a file is there, because it can be overwritten.
func (p place) try() error {
	if p.direct() {
		return nil
	}
	t, err := p.createBeside()
	if err == nil {
		t.remove()
	} else if p.info != nil && refused(err) {
		return nil
	}
	return err
}

// checkFolder returns an error if the folder of the place is not there.
func (p place) checkFolder() error {
	info, err := os.Stat(p.dir)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) ||
		err == nil && !info.IsDir() {
		return fmt.Errorf("there is no folder %s", p.dir)
	}
	return err
}

// split returns the folder and the last element of name. filepath.Dir would shorten link/.. to
// nothing, though the link leads elsewhere.
func split(name string) (dir, base string) {
	dir, base = filepath.Split(name)
	if dir == "" {
		return ".", base
	}
	// With a separator at its end, the name of a file would seem to lead nowhere.
	short := dir
	for short != "" && os.IsPathSeparator(short[len(short)-1]) {
		short = short[:len(short)-1]
	}
	if len(short) > len(filepath.VolumeName(dir)) {
		dir = short
	}
	return dir, base
}

// path returns the name of the file without symbolic links in its last element.
func (p place) path() string {
	if strings.HasSuffix(p.dir, string(filepath.Separator)) {
		return p.dir + p.base
	}
	return p.dir + string(filepath.Separator) + p.base
}

// Direct reports whether name is a device, a pipe or a descriptor, which is written as it is, and
// not a file in a folder.
func Direct(name string) bool {
	p, err := find(name)
	return err == nil && p.direct()
}
