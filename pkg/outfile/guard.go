package outfile

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// A Guard refuses outputs that cannot be written, or that would destroy a file in use. A program
// asks it before it reads anything, and again for every file that a person names later. The zero
// Guard knows no standard streams.
type Guard struct {
	streams [3]place // the standard streams; info is nil unless a stream is a regular file
}

// NewGuard returns the guard of a program with these standard streams. A stream that is a regular
// file, as its method Stat tells, counts as one of the files in use.
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
		f, ok := s.stream.(interface{ Stat() (fs.FileInfo, error) })
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
		if name == "" {
			continue
		}
		p, err := find(name)
		if err != nil {
			continue // whoever reads the file tells what is wrong with it
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
			err = p.check()
		}
		if err == nil {
			err = p.try()
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
	t, err := create(dir, "."+a, private)
	if err != nil {
		return false
	}
	defer t.remove()
	one, err := t.folder.Stat(t.name)
	if err != nil {
		return false
	}
	other, err := t.folder.Stat("." + b + strings.TrimPrefix(t.name, "."+a))
	return err == nil && os.SameFile(one, other)
}

func ascii(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > 127 })
}
