package experiment

import (
	"fmt"
	"io"

	"imagesimilarity/pkg/prompt"
)

// Offer does something if the person wants it. Where it fails, it says why and asks again, so that a full disk or a wrong
// path costs no trained model; the original ended with a traceback. It returns the last failure where the person
// then gives up, or the input ends.
func Offer(lines *prompt.Input, out io.Writer, question string, do func() error) error {
	var err error
	for lines.YesNo(question) {
		if err = do(); err == nil {
			return nil
		}
		fmt.Fprintln(out, err)
	}
	return err
}
