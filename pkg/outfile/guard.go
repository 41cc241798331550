package outfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// A Guard refuses outputs that cannot be written, or that would destroy a file in use. A program
// asks it before it reads anything, and again for every file that a person names later. The zero
// Guard knows no standard streams.
type Guard struct {
	streams [3]place // the standard streams; info is nil unless a stream is a regular file
}

// NewGuard returns the guard of a program with these standard streams. A stream that is an *os.File
// of a regular file counts as one of the files in use.
func NewGuard(stdin io.Reader, stdout, stderr io.Writer) Guard {
	var g Guard
	for i, s := range []struct {
		stream any
		name   string
		use    use
	}{
		{stdin, "the standard input", isRead},
		{stdout, "the standard output", isWritten},
		{stderr, "the standard error output", isWritten},
	} {
		f, ok := s.stream.(*os.File)
		if !ok {
			continue
		}
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			g.streams[i] = place{name: s.name, use: s.use, stream: true, info: info, fd: -1}
		}
	}
	return g
}

// Check returns an error if an output's folder is missing or cannot be written, or if an output is
// one of the inputs, another output, or the file behind a standard stream. It ignores empty names.
// Files are compared by identity: hard links are one file, and so are two ways through symbolic
// links to a file that is not there yet. Devices and pipes may be named more than once.
func (g Guard) Check(inputs []string, outputs ...string) error {
	var taken []place
	for _, s := range g.streams {
		if s.info != nil {
			taken = append(taken, s)
		}
	}
	streams := taken
	for _, name := range inputs {
		p, err := find(name)
		if name == "" || err != nil {
			continue // the reader of the file says what is wrong with it
		}
		p.use = isRead
		for _, s := range streams {
			if s.use == isWritten && same(p, s) {
				return fmt.Errorf("cannot read %s: it is the same file as %s, %s", name, s.name, s.use)
			}
		}
		taken = append(taken, p)
	}
	for _, name := range outputs {
		if name == "" {
			continue
		}
		p, err := find(name)
		if err == nil {
			err = p.writable()
		}
		if err != nil {
			return cannotWrite(name, err)
		}
		for _, other := range taken {
			if same(p, other) {
				return fmt.Errorf("cannot write %s: it is the same file as %s, %s", name, other.name, other.use)
			}
		}
		p.use = isWritten
		taken = append(taken, p)
	}
	return nil
}

// A use is what a program does with a file.
type use string

const (
	isRead    use = "which is read"
	isWritten use = "which gets another output"
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
		if name = link; !filepath.IsAbs(link) {
			name = p.dir + string(filepath.Separator) + link
		}
	}
	return p, errors.New("too many symbolic links")
}

// direct reports whether the place is written as it is, because no file can take its place.
func (p place) direct() bool { return p.fd >= 0 || p.info != nil && !p.info.Mode().IsRegular() }

// writable returns an error if the place cannot be written.
func (p place) writable() error {
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
	// Only creating a file shows whether that is possible.
	f, err := os.CreateTemp(p.dir, "."+p.base+".*.tmp")
	if err != nil {
		return err
	}
	f.Close()
	return os.Remove(f.Name())
}

// checkFolder returns an error if the folder of the place is not there.
func (p place) checkFolder() error {
	info, err := os.Stat(p.dir)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) ||
		err == nil && !info.IsDir() {
		return fmt.Errorf("there is no folder %s", filepath.Clean(p.dir))
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
	// Without its last separator, a name leads to what is no folder, too.
	short := strings.TrimRight(dir, "/"+string(filepath.Separator))
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

// same reports whether two places are one regular file.
func same(a, b place) bool {
	if a.stream && b.fd >= 0 || b.stream && a.fd >= 0 {
		return false // -o /dev/stdout means the standard output
	}
	if a.info != nil && b.info != nil {
		return a.info.Mode().IsRegular() && os.SameFile(a.info, b.info)
	}
	if a.info != nil || b.info != nil || a.fd >= 0 || b.fd >= 0 {
		return false
	}
	one, errOne := os.Stat(a.dir)
	other, errOther := os.Stat(b.dir)
	return errOne == nil && errOther == nil && os.SameFile(one, other) &&
		sameBase(a.dir, a.base, b.base)
}

// sameBase reports whether the file system of the folder takes two names of files that are not
// there for one, as file systems that ignore case do.
func sameBase(dir, a, b string) bool {
	if a == b {
		return true
	}
	if !strings.EqualFold(a, b) && (ascii(a) || ascii(b)) {
		return false
	}
	// The file system itself has to tell: it alone knows its rules of case and accents.
	f, err := os.CreateTemp(dir, "."+a+".*.tmp")
	if err != nil {
		return false
	}
	f.Close()
	defer os.Remove(f.Name())
	random := strings.TrimPrefix(filepath.Base(f.Name()), "."+a)
	one, err := os.Stat(f.Name())
	if err != nil {
		return false
	}
	other, err := os.Stat(filepath.Join(dir, "."+b+random))
	return err == nil && os.SameFile(one, other)
}

func ascii(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > 127 })
}

// Direct reports whether name is a device, a pipe or a descriptor, which is written as it is, and
// not a file in a folder.
func Direct(name string) bool {
	p, err := find(name)
	return err == nil && p.direct()
}
