//go:build unix && !aix && !solaris

package outfile

import (
	"os"

	"golang.org/x/sys/unix"
)

// lockShared marks f as in use until both f and the descriptor that it returns are closed. The
// error is EWOULDBLOCK if another program is about to remove f.
func lockShared(f *os.File) (*os.File, error) {
	lock, err := duplicate(int(f.Fd()))
	if err != nil {
		return nil, err
	}
	if err := flock(lock, unix.LOCK_SH|unix.LOCK_NB); err != nil {
		lock.Close()
		return nil, err
	}
	return lock, nil
}

// lockExclusive returns an error if another process has marked f as in use.
func lockExclusive(f *os.File) error { return flock(f, unix.LOCK_EX|unix.LOCK_NB) }

func flock(f *os.File, how int) error {
	for {
		err := unix.Flock(int(f.Fd()), how)
		if err != unix.EINTR {
			return err
		}
	}
}
