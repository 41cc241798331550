package experiment

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"imagesimilarity/pkg/outfile"
	"imagesimilarity/pkg/program"
	"imagesimilarity/pkg/quote"
)

// Unsaved is a model from the beginning of its training until it is saved or not wanted. If a
// signal ends the program before, the model is saved under a name that replaces no file.
type Unsaved struct {
	*program.Work
	places  []string // where it is saved: the first that takes it
	save    func(path string) (saved string, err error)
	trained bool // a batch or more
}

// Keep begins the training of a model of this kind, such as "autoencoder". The model belongs beside
// the file output, if that is not "" or a device. save writes a model file that replaces no other
// and returns its name.
func Keep(kind, output string, save func(path string) (saved string, err error)) *Unsaved {
	name := kind + "-interrupted.h5"
	u := &Unsaved{save: save, places: []string{name, filepath.Join(os.TempDir(), name)}}
	if output != "" && filepath.Dir(output) != "." && !outfile.Direct(output) {
		u.places = append([]string{filepath.Join(filepath.Dir(output), name)}, u.places...)
	}
	u.Work = program.Begin(u.saveTrained)
	return u
}

// saveTrained saves the model, if a batch was trained. A device may hang before that.
func (u *Unsaved) saveTrained() (told string, err error) {
	if !u.trained {
		return "", nil
	}
	return u.saveAnywhere()
}

// Save saves the model because the program ends with the error failed. It tells on out where the
// model is. The error that it returns tells it if out cannot be written.
func (u *Unsaved) Save(out io.Writer, failed error) error {
	told, err := u.saveAnywhere()
	if err != nil {
		return errors.Join(failed, err)
	}
	if _, err := fmt.Fprintf(out, "\n%s\n", told); err != nil {
		return errors.Join(failed, errors.New(told))
	}
	return failed
}

// Failed returns failed, the error that ended the training, and saves the model as Save does if a
// batch was trained.
func (u *Unsaved) Failed(out io.Writer, failed error) error {
	if !u.trained {
		return failed
	}
	return u.Save(out, failed)
}

func (u *Unsaved) saveAnywhere() (told string, err error) {
	var failed error
	for _, path := range u.places {
		saved, err := u.save(path)
		if err == nil {
			return "The trained model is in " + quote.Printable(saved), nil
		}
		if failed == nil {
			failed = err
		}
	}
	return "", fmt.Errorf("the trained model is lost: %w", failed)
}
