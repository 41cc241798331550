// Command datasets fetches MNIST and writes it to the folder given as its argument, in the folders
// that the programs' examples name.
package main

import (
	"fmt"
	"io"
	"os"

	"imagesimilarity/pkg/mnist"
	"imagesimilarity/pkg/program"
)

func main() { os.Exit(program.Run("datasets", run)) }

func run(args []string, _ io.Reader, _, stderr io.Writer) int {
	if err := write(args); err != nil {
		fmt.Fprintln(stderr, "datasets:", err)
		return 1
	}
	return 0
}

// write writes MNIST to the folder that args name.
func write(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("usage: datasets FOLDER")
	}
	dir, err := mnist.Fetch()
	if err != nil {
		return err
	}
	return mnist.Write(args[0], dir)
}
