package memory

import (
	"math"
	"unsafe"

	"golang.org/x/sys/windows"
)

// available returns the bytes that the machine has left, or math.MaxInt64 if they are not known.
func available() int64 {
	// MEMORYSTATUSEX of the Windows API
	var status struct {
		length, load                     uint32
		totalPhysical, availablePhysical uint64
		others                           [5]uint64
	}
	status.length = uint32(unsafe.Sizeof(status))
	call := windows.NewLazySystemDLL("kernel32.dll").NewProc("GlobalMemoryStatusEx")
	if ok, _, _ := call.Call(uintptr(unsafe.Pointer(&status))); ok == 0 {
		return math.MaxInt64
	}
	return int64(min(status.availablePhysical, math.MaxInt64))
}
