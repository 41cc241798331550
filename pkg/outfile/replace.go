package outfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

// A replacement is a file on its way to its name.
type replacement struct {
	place
	next    *temporary // has the new content
	beside  bool       // next lies in the folder of the place, which otherwise takes no new file
	old     *temporary // has the old content, if that may have to come back; otherwise nil
	inPlace bool       // the old file was overwritten, not replaced
}

// prepare writes the new content.
func (r *replacement) prepare(write func(w io.Writer) error) error {
	var err error
	if r.next, err = r.createBeside(); err == nil {
		r.beside = true
	} else if r.info != nil && refused(err) {
		if r.next, err = create(os.TempDir(), stem(r.base), private); err == nil {
			removeLeftBehind(r.next.folder, r.base)
		}
	}
	if err != nil {
		return err
	}
	return fill(r.next.file, write)
}

// createBeside makes a temporary in the folder of the place, with the attributes of the file there,
// and removes those that were left behind.
func (p place) createBeside() (*temporary, error) {
	mode := fs.FileMode(0o666) // less what the umask takes
	if p.info != nil {
		mode = private
	}
	t, err := create(p.dir, stem(p.base), mode)
	if err != nil {
		return nil, err
	}
	removeLeftBehind(t.folder, p.base)
	if p.info != nil {
		keepAttributes(t.file, p.path(), p.info)
	}
	return t, nil
}

// replaceAll gives all files their names, or none. Meanwhile a handler of signals waits.
func replaceAll(files []*replacement) (err error) {
	live.Lock()
	defer live.Unlock()
	if len(files) > 1 {
		for _, r := range files {
			if err := r.keepOld(); err != nil {
				return cannotWrite(r.name, err)
			}
		}
	}
	done := 0
	defer func() {
		if err != nil {
			for _, r := range files[:done] {
				r.bringBack()
			}
		}
	}()
	for _, r := range files {
		if err := r.replace(); err != nil {
			return cannotWrite(r.name, err)
		}
		done++
	}
	for i, r := range files {
		if i > 0 && r.dir == files[i-1].dir {
			continue
		}
		if err := r.syncFolder(); err != nil {
			return cannotWrite(r.name, err)
		}
	}
	return nil
}

// keepOld keeps the old file under a second name or, if the file system has no second names, a copy
// of it.
func (r *replacement) keepOld() (err error) {
	if r.info == nil {
		return nil
	}
	if r.beside {
		if r.old, err = linkLocked(r.dir, r.base); err == nil {
			return nil
		}
	}
	return r.copyOld()
}

// copyOld keeps a copy of the old file.
func (r *replacement) copyOld() error {
	dir := os.TempDir()
	if r.beside {
		dir = r.dir
	}
	old, err := os.Open(r.path())
	if err != nil {
		return err
	}
	defer old.Close()
	if r.old, err = createLocked(dir, stem(r.base), private); err != nil {
		return err
	}
	keepAttributes(r.old.file, r.path(), r.info)
	return copyOver(r.old.file, old)
}

// replace gives the new content its name.
func (r *replacement) replace() error {
	err := fault("rename")
	if err == nil && !r.beside {
		err = syscall.EXDEV
	}
	if err == nil {
		err = r.next.folder.Rename(r.next.name, r.base)
	}
	if err == nil {
		delete(live.files, r.next)
		return nil
	}
	if r.info == nil || !refused(err) {
		return err
	}
	return r.overwrite()
}

// takeFree gives the new content the first name that is free, and keeps that name in base.
func (r *replacement) takeFree() error {
	live.Lock()
	defer live.Unlock()
	ext := filepath.Ext(r.base)
	begin := strings.TrimSuffix(r.base, ext)
	for n := 2; ; n++ {
		err := r.next.renameFree(r.base)
		if err == nil {
			return r.syncFolder()
		}
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
		r.base = fmt.Sprintf("%s-%d%s", begin, n, ext)
	}
}

// overwrite writes the new content into the old file. If that fails, the old content comes back.
func (r *replacement) overwrite() error {
	if r.old != nil && r.old.linked { // it would be overwritten as well
		r.old.removeLocked()
		r.old = nil
	}
	if r.old == nil {
		if err := r.copyOld(); err != nil {
			return err
		}
	}
	next, err := r.next.folder.Open(r.next.name)
	if err != nil {
		return err
	}
	defer next.Close()
	f, err := os.OpenFile(r.path(), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	r.inPlace = true
	err = copyOver(f, next)
	if e := closeFile(f); err == nil {
		err = e
	}
	if err != nil {
		r.bringBack()
	}
	return err
}

// bringBack gives the old file its name or its content again. If the old file was not kept, the new
// one stays.
func (r *replacement) bringBack() {
	switch {
	case r.info == nil:
		r.next.folder.Remove(r.base)
	case r.inPlace:
		from, err := r.old.folder.Open(r.old.name)
		if err != nil {
			return
		}
		defer from.Close()
		if f, err := os.OpenFile(r.path(), os.O_WRONLY, 0); err == nil {
			copyOver(f, from)
			f.Close()
		}
	case r.old != nil:
		r.old.close()
		if r.old.folder.Rename(r.old.name, r.base) == nil {
			delete(live.files, r.old)
		}
	}
}

// copyOver makes the content of from that of to. It shortens to only in the end, so that the room
// of the old content stays its own.
func copyOver(to, from *os.File) error {
	if _, err := from.Seek(0, io.SeekStart); err != nil {
		return err
	}
	n, err := io.Copy(faultyWriter{to}, from)
	if err == nil {
		err = to.Truncate(n)
	}
	if err == nil {
		err = syncFile(to)
	}
	return err
}

// syncFolder makes the new name of a file last.
func (r *replacement) syncFolder() error {
	if r.inPlace || runtime.GOOS == "windows" { // whose folders cannot be synced
		return nil
	}
	d, err := r.next.folder.Open(".")
	if err != nil {
		return err
	}
	defer d.Close()
	return syncFile(d)
}

// discard removes the temporaries that are left.
func (r *replacement) discard() {
	for _, t := range []*temporary{r.next, r.old} {
		if t != nil {
			t.remove()
		}
	}
}

// refused reports whether a place does not allow a step, which can then be made in another way.
func refused(err error) bool {
	for _, e := range []error{
		fs.ErrPermission, errors.ErrUnsupported, syscall.EROFS, syscall.EBUSY, syscall.EXDEV,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
