// Package program is the frame of each of the programs: it runs them, ends them on a signal without
// a loss, and tells what goes wrong outside of them.
package program

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"

	"imagesimilarity/pkg/outfile"
)

// A Program reads its arguments and returns its exit status.
type Program func(args []string, stdin io.Reader, stdout, stderr io.Writer) int

// Run runs the program of that name with the arguments and files of this process and returns its
// exit status. The status is 1, after a sentence on the standard error output, if
//   - the system leaves too few files or threads for Go's runtime, which would end in the middle of
//     the work,
//   - the program panics, which loses no Work that is at rest,
//   - the standard output cannot be written. The program goes on all the same, because its files
//     are the larger part of its results. A standard error output that cannot be written is no
//     fault.
//
// However the program ends, folders that it made and that are empty are removed. The signals that
// ask a program to end remove its temporary files, too, save the current Work and end the process,
// whose status in a shell is then 128 and the number of the signal.
//
// Go itself opens the null device in place of a standard stream that is closed, so no other file
// takes its place.
func Run(name string, p Program) int {
	catch()
	stdout := &output{file: os.Stdout}
	status := run(name, p, os.Args[1:], os.Stdin, stdout, os.Stderr)
	outfile.RemoveEmptyFolders()
	if err := stdout.close(); err != nil && status == 0 {
		fmt.Fprintf(os.Stderr, "%s: cannot write the standard output: %v\n", name, err)
		status = 1
	}
	ending.Lock() // if a signal is ending the process, its status counts
	return status
}

func run(
	name string, p Program, args []string, stdin io.Reader, stdout, stderr io.Writer,
) (status int) {
	if err := checkSystem(); err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", name, err)
		return 1
	}
	defer func() {
		if fault := recover(); fault != nil {
			fmt.Fprintf(stderr, "%s: a fault of the program itself: %s\n", name, sentence(fault))
			status = 1
			if w := current.Load(); w != nil && !w.active.Load() {
				tell(w.save())
			}
		}
	}()
	return p(args, stdin, stdout, stderr)
}

// sentence returns the first line of what a panic says. What follows it are stacks.
func sentence(fault any) string {
	line, _, _ := strings.Cut(fmt.Sprint(fault), "\n")
	return line
}

// screen is held by the goroutine that writes the standard output, and for ever by the one that has
// shown the last line.
var screen sync.Mutex

// An output is a file that remembers the first error of writing it.
type output struct {
	file *os.File
	mu   sync.Mutex
	err  error
}

func (o *output) Write(b []byte) (int, error) {
	screen.Lock()
	n, err := o.file.Write(b)
	screen.Unlock()
	if err != nil {
		o.fail(err)
	}
	return n, err
}

func (o *output) fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil {
		o.err = err
	}
}

// Fd returns the file descriptor, from which others learn whether it is a terminal.
func (o *output) Fd() uintptr { return o.file.Fd() }

// Stat returns which file the output is.
func (o *output) Stat() (fs.FileInfo, error) { return o.file.Stat() }

// close closes the file and returns the first error. Some disks tell only then that they are full.
func (o *output) close() error {
	if err := o.file.Close(); err != nil {
		o.fail(err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	var path *fs.PathError
	if errors.As(o.err, &path) {
		return path.Err
	}
	return o.err
}
