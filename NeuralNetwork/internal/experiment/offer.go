package experiment

import (
	"errors"

	"imagesimilarity/pkg/prompt"
)

// Cut reports whether the conversation ended before a person could decide about a model: by a
// fault, or by the end of the input after failed, the error of saving it. The end of the input
// alone answers N.
func Cut(lines *prompt.Input, failed error) bool {
	return lines.Fault() != nil || lines.Err() != nil && failed != nil
}

// Offer does something if the person wants it. If it fails, Offer shows the error and asks again,
// so that a full disk or a wrong path costs no trained model; the original ended with a
// traceback. Offer returns the last error if the person then gives up or no answer can be read.
func Offer(lines *prompt.Input, question string, do func() error) error {
	var failed error
	for lines.YesNo(question) {
		err := do()
		if err == nil {
			return nil
		}
		var back *prompt.Back
		if !errors.As(err, &back) {
			lines.Reject(err)
			failed = err
		} else if back.Err != nil { // was shown at the question for a path
			failed = back.Err
		}
	}
	return failed
}
