//go:build linux || darwin

package outfile

import (
	"io/fs"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// keepAttributes gives f the owner, the mode and the extended attributes of the file at path, as
// far as the file system and the rights of the process allow.
func keepAttributes(f *os.File, path string, info fs.FileInfo) {
	mode := info.Mode() & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky)
	old := info.Sys().(*syscall.Stat_t)
	if f.Chown(int(old.Uid), int(old.Gid)) != nil {
		mode &= fs.ModePerm
		if f.Chown(-1, int(old.Gid)) != nil {
			mode = mode&^0o070 | mode&0o007<<3 // another group gets no more than everybody
		}
	}
	// After the owner, because a change of owner takes bits of the mode away.
	if err := fault("chmod"); err == nil {
		f.Chmod(mode)
	}
	// Access lists, which are extended attributes, come last, because the mode would change them.
	for _, name := range attributeNames(path) {
		if value, ok := attribute(path, name); ok {
			unix.Fsetxattr(int(f.Fd()), name, value, 0)
		}
	}
}

// attributeNames returns the names of the extended attributes of the file at path.
func attributeNames(path string) []string {
	size, err := unix.Listxattr(path, nil)
	if err != nil || size == 0 {
		return nil
	}
	list := make([]byte, size)
	if size, err = unix.Listxattr(path, list); err != nil {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(list[:size]), "\x00"), "\x00")
}

func attribute(path, name string) (value []byte, ok bool) {
	size, err := unix.Getxattr(path, name, nil)
	if err != nil {
		return nil, false
	}
	value = make([]byte, size)
	size, err = unix.Getxattr(path, name, value)
	return value[:max(0, size)], err == nil
}
