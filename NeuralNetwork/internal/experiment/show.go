package experiment

import (
	"fmt"
	"image"
	"image/png"
	"io"

	"imagesimilarity/pkg/figure"
	"imagesimilarity/pkg/outfile"
	"imagesimilarity/pkg/progress"
)

// ShowFigure writes a figure as a PNG file and says so on out, where the original opened a window and waited until it was
// closed. A person at a terminal sees it in the desktop's viewer too, which nothing waits for.
func ShowFigure(in io.Reader, out io.Writer, name, what string, img image.Image) error {
	err := outfile.Write(name, func(w io.Writer) error { return png.Encode(w, img) })
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s: %s\n", what, name)
	if progress.IsTerminal(in) && progress.IsTerminal(out) {
		figure.Open(name)
	}
	return nil
}
