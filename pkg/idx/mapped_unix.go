//go:build linux || darwin

package idx

import (
	"errors"
	"os"
	"syscall"
)

// mapFile maps the first bytes of a file into memory. It returns an error if addresses are limited,
// such as by ulimit -v: the budget of memory counts on them.
func mapFile(f *os.File, bytes int64) (m []byte, err error) {
	if int64(int(bytes)) != bytes {
		return nil, errors.New("larger than addresses can be")
	}
	const unlimited = 1 << 62 // or more: systems differ in the number
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_AS, &limit); err != nil || limit.Cur < unlimited {
		return nil, errors.New("addresses are limited")
	}
	c, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	failed := c.Control(func(fd uintptr) {
		m, err = syscall.Mmap(int(fd), 0, int(bytes), syscall.PROT_READ, syscall.MAP_SHARED)
	})
	if failed != nil {
		return nil, failed
	}
	return m, err
}

func unmapFile(m []byte) error { return syscall.Munmap(m) }
