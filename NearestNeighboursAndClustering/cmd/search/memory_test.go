package main

import (
	"bytes"
	"strings"
	"testing"

	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/memory/memorytest"
)

// Every need is refused in a sentence if the budget is a byte less, whether the images are kept in
// memory or read in blocks.
func TestEveryNeedIsRefused(t *testing.T) {
	writeInputs(t)
	for _, args := range []string{
		"-quiet -d images -i latents -q images -s latents -o out -html page.html -json out.json",
		"-quiet -textbook -d images -i latents -q images -s latents -o out",
		"-quiet -d images -q images -l1 labels -l2 labels -o out -EMD -cell 1 -html page.html",
	} {
		for _, blocks := range []int{0, 2} {
			restore := idx.InBlocks(blocks)
			memorytest.RefuseEach(t, func() (int, string) {
				var screen bytes.Buffer
				status := run(strings.Fields(args), strings.NewReader("Y\nimages\nlatents\nN\n"),
					&screen, &screen)
				return status, screen.String()
			})
			restore()
		}
	}
}
