package experiment

import (
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"slices"
	"strings"

	"imagesimilarity/pkg/figure"
	"imagesimilarity/pkg/outfile"
	"imagesimilarity/pkg/progress"
	"imagesimilarity/pkg/quote"
)

// ShowFigure writes a figure as a PNG file and names the file on out. At a terminal it also opens
// the desktop's viewer, and does not wait for it; the original waited until its window was
// closed.
func ShowFigure(in io.Reader, out io.Writer, name, what string, img image.Image) error {
	err := outfile.Write(name, func(w io.Writer) error { return png.Encode(w, img) })
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s: %s\n", what, quote.Printable(name))
	if progress.IsTerminal(in) && progress.IsTerminal(out) {
		figure.Open(name)
	}
	return nil
}

// Say shows an error that does not end a conversation, and returns it.
func Say(out io.Writer, err error) error {
	if err != nil {
		fmt.Fprintln(out, quote.Message(err))
	}
	return err
}

// Join returns the errors as one. Of errors that tell the same, as those of steps that failed for
// one reason do, it takes the first.
func Join(errs ...error) error {
	var others []error
	for _, err := range errs {
		if err != nil && !slices.ContainsFunc(others, func(e error) bool {
			return e.Error() == err.Error()
		}) {
			others = append(others, err)
		}
	}
	return errors.Join(others...)
}

// Written is the names of the files that a program has written.
type Written []string

// Add adds names that are not there yet. An empty name stands for no file.
func (w *Written) Add(names ...string) {
	for _, name := range names {
		if name != "" && !slices.Contains(*w, name) {
			*w = append(*w, name)
		}
	}
}

// String returns the names as a list on one line, or "nothing".
func (w Written) String() string {
	if len(w) == 0 {
		return "nothing"
	}
	var list []string
	for _, name := range w {
		list = append(list, quote.Printable(name))
	}
	return strings.Join(list, ", ")
}
