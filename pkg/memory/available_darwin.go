package memory

import (
	"math"

	"golang.org/x/sys/unix"
)

// available returns the memory of the machine in bytes, or math.MaxInt64 if it is not known.
func available() int64 {
	total, err := unix.SysctlUint64("hw.memsize")
	if err != nil {
		return math.MaxInt64
	}
	return int64(total)
}
