// Command neon writes the arm64 kernels of packages metric and kernel; `make asm` runs it. It takes
// the package's name and writes kernels_arm64.s and kernels_stubs_arm64.go to the current folder.
//
// Go's assembler lacks many vector instructions. Those are written as numbers, each with its name
// beside it; a test decodes them. The kernels need no more than ARMv8.0, which every processor for
// arm64 has. Products are never fused with sums: all kernels round as their portable twins do.
package main

import (
	"fmt"
	"os"
)

// generators write the kernels of a package, by its name.
var generators = map[string]func(a *asm){"metric": metric, "kernel": kernels}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "neon:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 || generators[args[0]] == nil {
		return fmt.Errorf("expected the package metric or kernel, found %q", args)
	}
	for name, text := range generate(args[0]) {
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			return err
		}
	}
	return nil
}

// generate returns the files of a package, by name.
func generate(pkg string) map[string]string {
	var a asm
	generators[pkg](&a)
	return a.files(pkg)
}
