// Package program is the frame of each of the programs: what happens before it begins and after it
// has gone wrong.
package program

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// A Program reads its arguments and returns its exit status.
type Program func(args []string, stdin io.Reader, stdout, stderr io.Writer) int

// Run runs the program of that name with the arguments and files of this process and returns its
// exit status. The status is 1, after a sentence on the standard error output, if the system
// leaves too few files or threads for Go's runtime, which would end in the middle of the work, or
// if the program panics.
func Run(name string, p Program) int {
	return run(name, p, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
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
		}
	}()
	return p(args, stdin, stdout, stderr)
}

// sentence returns the first line of what a panic says. What follows it are stacks.
func sentence(fault any) string {
	line, _, _ := strings.Cut(fmt.Sprint(fault), "\n")
	return line
}
