package outfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// MakeFolder makes the folder dir and those above it, as far as they are missing. If nothing has
// been written there when the program ends, by itself or by a signal, the folders that MakeFolder
// made are removed again.
func MakeFolder(dir string) error {
	if err := makeFolder(dir); err != nil {
		return fmt.Errorf("cannot make the folder %s: %w", dir, reason(err))
	}
	return nil
}

func makeFolder(dir string) error {
	live.Lock() // a signal waits until the new folders are known
	defer live.Unlock()
	whole, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	var missing []string
	for at := whole; at != filepath.Dir(at); at = filepath.Dir(at) {
		if _, err := os.Stat(at); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		missing = append(missing, at)
	}
	err = os.MkdirAll(dir, 0o777) // less what the umask takes
	made, errMade := os.Stat(dir)
	known, errKnown := os.Stat(whole)
	if errMade == nil && errKnown == nil && !os.SameFile(made, known) {
		return err // dir leads through a symbolic link and then up, which Abs does not follow
	}
	slices.Reverse(missing)
	live.folders = append(live.folders, missing...)
	return err
}

// RemoveEmptyFolders removes the folders that MakeFolder made and that are empty. A program calls
// it at its end.
func RemoveEmptyFolders() {
	live.Lock()
	defer live.Unlock()
	removeEmptyFolders()
}

// removeEmptyFolders is RemoveEmptyFolders for a caller that holds the lock of live.
func removeEmptyFolders() {
	for _, dir := range slices.Backward(live.folders) {
		os.Remove(dir) // only an empty one can be removed
	}
	live.folders = nil
}
