package main

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/memory/memorytest"
	"imagesimilarity/pkg/progress"
	"imagesimilarity/pkg/results"
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

// What the page and Manhattan distance need is refused before the search by EMD, which takes long.
func TestRefusedBeforeTheWork(t *testing.T) {
	t.Chdir(t.TempDir())
	const n = 200
	m := &imageset.Images[uint8]{N: n, Rows: 8, Cols: 8, Pix: make([]uint8, n*64)}
	for i := range m.Pix {
		m.Pix[i] = uint8(i * i)
	}
	for _, err := range []error{
		idx.WriteImages("images", m), idx.WriteLabels("labels", make([]uint8, n)),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	opt, err := parseOptions(strings.Fields(
		"-quiet -d images -q images -l1 labels -l2 labels -o out -EMD -cell 4 -html page.html"))
	if err != nil {
		t.Fatal(err)
	}
	opt.display = progress.New(io.Discard, true)
	defer memory.SetBudget(0)
	for _, what := range []string{"making a page", "copies of ", "comparing "} {
		memory.SetBudget(0)
		worked := false
		restore := memory.Watch(func(need string, bytes float64) {
			worked = worked || strings.HasPrefix(need, "searching") // by EMD
			if strings.HasPrefix(need, what) && !worked {
				memory.SetBudget(int64(bytes) - 1)
			}
		})
		err := searchEMD(opt, results.Header{}, io.Discard)
		restore()
		if !errors.As(err, new(*memory.Error)) || worked {
			t.Errorf("%s: %v, EMD began: %v", what, err, worked)
		}
	}
}
