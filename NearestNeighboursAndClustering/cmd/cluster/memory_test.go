package main

import (
	"bytes"
	"strings"
	"testing"

	"imagesimilarity/pkg/memory/memorytest"
)

// Every need is refused in a sentence if the budget is a byte less.
func TestEveryNeedIsRefused(t *testing.T) {
	talk(t, "N\n", someClasses) // writes the inputs
	for _, args := range []string{
		"-quiet -d images -i latents -n classes -c two.conf -o out -html page.html -json out.json",
		"-quiet -textbook -d images -i latents -n classes -c two.conf -o out",
	} {
		memorytest.RefuseEach(t, func() (int, string) {
			var screen bytes.Buffer
			status := run(strings.Fields(args), strings.NewReader("Y\nimages\nlatents\nclasses\nN\n"),
				&screen, &screen)
			return status, screen.String()
		})
	}
}

// The medians of as many classes as a file has lines can need more than any machine has.
func TestMediansOfManyClasses(t *testing.T) {
	classes := "CLUSTER-0 { size: 3, 0, 1, 2}}\n" + strings.Repeat("CLUSTER-1 { size: 0}}\n", 200)
	talk(t, "N\n", classes)
	var screen bytes.Buffer
	args := "-quiet -memory 1KiB -d images -i latents -n classes -c two.conf -o out2"
	status := run(strings.Fields(args), strings.NewReader("N\n"), &screen, &screen)
	if status != 1 || !strings.Contains(screen.String(), "at most 1 KiB are allowed\n") {
		t.Errorf("status %d, %q", status, &screen)
	}
}
