package outfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
)

// nameless makes a file in the folder dir that Windows removes when it is closed.
func nameless(dir string) (*os.File, error) {
	const flags = os.O_RDWR | os.O_CREATE | os.O_EXCL | windows.O_FILE_FLAG_DELETE_ON_CLOSE
	for {
		f, err := os.OpenFile(filepath.Join(dir, randomName(namelessStem)), flags, private)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
}
