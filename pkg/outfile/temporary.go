package outfile

import (
	"crypto/rand"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"strings"
	"sync"
	"syscall"
	"unicode/utf8"
)

// A temporary is a file with a name of its own beside an output. The name ends in a random number,
// and the file is locked until its writer closes it or dies, so that the temporary of a dead writer
// is known from that of a living one.
type temporary struct {
	folder *os.Root
	name   string
	file   *os.File
	lock   *os.File // a second descriptor of file; nil on systems and disks without locks
	linked bool     // the file is the old output, which has two names
}

// live holds the temporaries of this process and the folders that it made. Its lock is held while
// they appear, vanish or take their final names.
var live = struct {
	sync.Mutex
	files   map[*temporary]bool
	folders []string // absolute names, outer ones first
}{files: map[*temporary]bool{}}

// RemoveTemporary removes all temporary files of this process, and the folders that it made and
// that are empty. A handler of signals calls it right before it ends the program: a group that is
// taking its final names is waited for, and whoever writes a file after it waits for ever.
func RemoveTemporary() {
	live.Lock()
	removeLive()
}

func removeLive() {
	for t := range live.files {
		t.folder.Remove(t.name)
	}
	removeEmptyFolders()
}

// private is the mode of a file that only its owner may read.
const private fs.FileMode = 0o600

const (
	// shortName is the part of an output's name, in bytes, that its temporaries carry. Their whole
	// name then has 139 bytes, and fits wherever file systems allow 143 or 255.
	shortName = 100
	suffix    = ".tmp"
	randomLen = 16 // hexadecimal digits
)

// stem returns the beginning of the names of the temporaries of the output base.
func stem(base string) string {
	short := base
	if len(short) > shortName {
		n := shortName
		for n > shortName-utf8.UTFMax && !utf8.RuneStart(short[n]) {
			n--
		}
		short = short[:n]
	}
	h := fnv.New64a()
	h.Write([]byte(base))
	return fmt.Sprintf(".%s.%016x", short, h.Sum64())
}

// create makes a temporary in the folder dir whose name begins with stem.
func create(dir, stem string, mode fs.FileMode) (*temporary, error) {
	live.Lock()
	defer live.Unlock()
	return createLocked(dir, stem, mode)
}

// createLocked is create for a caller that holds the lock of live.
func createLocked(dir, stem string, mode fs.FileMode) (*temporary, error) {
	folder, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	t := &temporary{folder: folder}
	for {
		t.name = randomName(stem)
		if err = fault("create"); err == nil {
			t.file, err = folder.OpenFile(t.name, os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
		}
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			folder.Close()
			return nil, err
		}
		// Between its creation and its lock, another program may take it for left behind.
		t.lock, err = lockShared(t.file)
		_, gone := folder.Lstat(t.name)
		if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(gone, fs.ErrNotExist) {
			t.close()
			folder.Remove(t.name)
			continue
		}
		live.files[t] = true
		return t, nil
	}
}

// linkLocked makes a temporary that is a second name of the output base in the folder dir. The
// caller holds the lock of live.
func linkLocked(dir, base string) (*temporary, error) {
	folder, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	t := &temporary{folder: folder, name: randomName(stem(base)), linked: true}
	if t.file, err = folder.Open(base); err == nil {
		if t.lock, err = lockShared(t.file); err != nil {
			t.file.Close() // some systems rename no open file
		}
		if err = fault("link"); err == nil {
			err = folder.Link(base, t.name)
		}
		if err != nil {
			t.close()
		}
	}
	if err != nil {
		folder.Close()
		return nil, err
	}
	live.files[t] = true
	return t, nil
}

// renameFree gives the temporary its final name, or returns fs.ErrExist if the name is taken. The
// caller holds the lock of live.
func (t *temporary) renameFree(name string) error {
	err := fault("link")
	if err == nil {
		err = t.folder.Link(t.name, name) // a rename would replace a file
	}
	if err == nil {
		t.folder.Remove(t.name)
		delete(live.files, t)
		return nil
	}
	if errors.Is(err, fs.ErrExist) {
		return err
	}
	// Some file systems have no second names.
	if _, there := t.folder.Lstat(name); !errors.Is(there, fs.ErrNotExist) {
		return fs.ErrExist
	}
	if err = fault("rename"); err == nil {
		err = t.folder.Rename(t.name, name)
	}
	if err == nil {
		delete(live.files, t)
	}
	return err
}

func randomName(stem string) string {
	var random [randomLen / 2]byte
	rand.Read(random[:])
	return fmt.Sprintf("%s.%x%s", stem, random, suffix)
}

// close closes the file, but not the folder.
func (t *temporary) close() {
	t.file.Close()
	if t.lock != nil {
		t.lock.Close()
	}
}

// remove closes the temporary, and removes it unless it has got another name.
func (t *temporary) remove() {
	live.Lock()
	defer live.Unlock()
	t.removeLocked()
}

// removeLocked is remove for a caller that holds the lock of live.
func (t *temporary) removeLocked() {
	t.close() // before the removal: some systems remove no open file
	if live.files[t] {
		t.folder.Remove(t.name)
		delete(live.files, t)
	}
	t.folder.Close()
}

// removeLeftBehind removes the temporaries of the output base whose writers were killed. One that
// cannot be locked has a living writer.
func removeLeftBehind(folder *os.Root, base string) {
	d, err := folder.Open(".")
	if err != nil {
		return
	}
	names, _ := d.Readdirnames(-1)
	d.Close()
	begin := stem(base) + "."
	for _, name := range names {
		random, ok := strings.CutPrefix(name, begin)
		if !ok || len(random) != randomLen+len(suffix) || !strings.HasSuffix(random, suffix) ||
			strings.Trim(random[:randomLen], "0123456789abcdef") != "" {
			continue
		}
		if info, err := folder.Lstat(name); err != nil || !info.Mode().IsRegular() {
			continue
		}
		f, err := folder.OpenFile(name, os.O_RDWR, 0) // some file systems lock no other
		if err != nil {
			continue
		}
		if lockExclusive(f) == nil {
			folder.Remove(name)
		}
		f.Close()
	}
}

// fault returns the error of a disk that refuses a step. Only tests set it.
var fault = func(step string) error { return nil }
