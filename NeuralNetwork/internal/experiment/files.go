package experiment

import (
	"fmt"
	"os"
	"path/filepath"

	"imagesimilarity/pkg/atomicfile"
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
			if atomicfile.Same(out, other) {
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
