// Command datasets fetches MNIST and writes it to the folder given as its argument, in the folders
// that the programs' examples name.
package main

import (
	"fmt"
	"os"

	"imagesimilarity/pkg/mnist"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "datasets:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("usage: datasets FOLDER")
	}
	dir, err := mnist.Fetch()
	if err != nil {
		return err
	}
	return mnist.Write(args[0], dir)
}
