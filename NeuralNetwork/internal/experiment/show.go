package experiment

import (
	"fmt"
	"image"
	"image/png"
	"io"
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

// Files returns the names of files as a list, or "nothing".
func Files(names []string) string {
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}
