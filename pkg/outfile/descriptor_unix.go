//go:build unix

package outfile

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// descriptor returns the file descriptor of this process that base in the folder dir stands for, as
// 1 in /proc/self/fd does; otherwise -1.
func descriptor(dir, base string) int {
	fd, err := strconv.Atoi(base)
	if err != nil || fd < 0 {
		return -1
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return -1
	}
	own := "/proc/" + strconv.Itoa(os.Getpid())
	if dir == "/dev/fd" || dir == own+"/fd" ||
		strings.HasPrefix(dir, own+"/task/") && strings.HasSuffix(dir, "/fd") {
		return fd
	}
	return -1
}

// openForWriting returns an error if nothing can be written to the file descriptor.
func openForWriting(fd int) error {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err == nil && flags&unix.O_ACCMODE == unix.O_RDONLY {
		err = errors.New("it is open for reading only")
	}
	return err
}

// duplicate returns a file that writes where the file descriptor does.
func duplicate(fd int) (*os.File, error) {
	d, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(d), "descriptor "+strconv.Itoa(fd)), nil
}
