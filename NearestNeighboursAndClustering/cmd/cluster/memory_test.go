package main

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"imagesimilarity/pkg/clustering"
	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/memory/memorytest"
	"imagesimilarity/pkg/progress"
	"imagesimilarity/pkg/results"
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

// Whatever the budget is: what it does not suffice for is refused before the first k-medians, or
// nothing is.
func TestRefusedBeforeTheWork(t *testing.T) {
	t.Chdir(t.TempDir())
	const n, classes = 400, 300
	random := rand.New(rand.NewPCG(1, 1))
	images := &imageset.Images[uint8]{N: n, Rows: 28, Cols: 28, Pix: make([]uint8, n*784)}
	latents := &imageset.Images[uint16]{N: n, Rows: 1, Cols: 10, Pix: make([]uint16, n*10)}
	for i := range images.Pix {
		images.Pix[i] = uint8(random.IntN(256))
	}
	for i := range latents.Pix {
		latents.Pix[i] = uint16(random.IntN(25500))
	}
	class := make([]uint8, n)
	for i := range class {
		class[i] = uint8(i)
	}
	var classFile bytes.Buffer
	for _, err := range []error{
		idx.WriteImages("images", images), idx.WriteLatents("latents", latents),
		clustering.WriteClasses(&classFile, class, classes),
		os.WriteFile("classes", classFile.Bytes(), 0o600),
		os.WriteFile("two.conf", []byte("number_of_clusters: 2\n"), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, page := range []string{"", " -html page.html"} {
		refused, ended := 0, false
		for budget := 4 << 20; !ended; budget += budget / 16 {
			opt, err := parseOptions(strings.Fields(
				"-quiet -d images -i latents -n classes -c two.conf -o out" + page))
			if err != nil {
				t.Fatal(err)
			}
			worked := false
			opt.display = progress.New(io.Discard, true)
			opt.display.Began = func(name string) {
				worked = worked || strings.HasPrefix(name, "k-medians")
			}
			memory.SetBudget(int64(budget))
			err = converse(opt, results.Header{}, strings.NewReader("N\n"), io.Discard)
			memory.SetBudget(0)
			switch {
			case err == nil:
				ended = true
			case !errors.As(err, new(*memory.Error)):
				t.Fatal(err)
			case worked:
				t.Errorf("%s: refused late: %v", memory.Size(float64(budget)), err)
			default:
				refused++
			}
		}
		if refused < 10 {
			t.Errorf("only %d budgets were refused", refused)
		}
	}
}
