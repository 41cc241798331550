package outfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"syscall"
)

// namelessStem begins the names that files have which are about to be nameless.
const namelessStem = "imagesimilarity"

// Nameless returns a new file in the folder for temporary files. It has no name (on Windows, a name
// as long as it is open), so its room on the disk is free again as soon as it is closed or the
// process has ended in whatever way.
func Nameless() (*os.File, error) {
	live.Lock() // a signal waits while the file has a name
	defer live.Unlock()
	return nameless(os.TempDir())
}

// NamelessError returns the error of a temporary file that cannot be made or written, such as that
// of Nameless. what is to be in it. The error wraps its cause.
func NamelessError(what string, cause error) error {
	var path *fs.PathError
	if errors.As(cause, &path) {
		cause = path.Err
	}
	hint := ""
	if !errors.Is(cause, syscall.EFBIG) { // a limit of the process, the same in every folder
		variable := "TMPDIR"
		if runtime.GOOS == "windows" {
			variable = "TMP"
		}
		hint = fmt.Sprintf("; set %s to another folder for temporary files", variable)
	}
	return fmt.Errorf("cannot write %s to a temporary file in %s: %w%s",
		what, os.TempDir(), cause, hint)
}
