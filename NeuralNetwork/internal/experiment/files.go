package experiment

import (
	"fmt"
	"os"
	"path/filepath"
)

// CheckOutputs refuses files that cannot be written, as their folder is missing, or must not be: one that is also read, or
// two outputs in one file. Devices and pipes may be named as often as one likes.
func CheckOutputs(inputs []string, outputs ...string) error {
	taken := inputs
	for _, out := range outputs {
		if info, err := os.Stat(filepath.Dir(out)); err != nil || !info.IsDir() {
			return fmt.Errorf("cannot write %s: there is no folder %s", out, filepath.Dir(out))
		}
		for i, other := range taken {
			if same(out, other) {
				use := "is read"
				if i >= len(inputs) {
					use = "gets another output"
				}
				return fmt.Errorf("cannot write %s: it is the same file as %s, which %s", out, other, use)
			}
		}
		taken = append(taken[:len(taken):len(taken)], out)
	}
	return nil
}

// same tells whether two names are of one regular file, which need not exist yet.
func same(a, b string) bool {
	ia, errA := os.Stat(a)
	ib, errB := os.Stat(b)
	if errA == nil && errB == nil {
		return ia.Mode().IsRegular() && os.SameFile(ia, ib)
	}
	if errA == nil || errB == nil {
		return false
	}
	pa, errA := filepath.Abs(a)
	pb, errB := filepath.Abs(b)
	return errA == nil && errB == nil && pa == pb
}
