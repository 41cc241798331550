// Package infile opens the files that a program reads, and tells what a wrong one is.
package infile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Open opens a file, a pipe or a device to read it from its beginning on. It returns how many bytes
// a regular file has, and -1 for anything else. A folder is an error that tells what folder it is.
func Open(name string) (f *os.File, size int64, err error) {
	if f, err = os.Open(name); err != nil {
		if p := (*fs.PathError)(nil); errors.As(err, &p) {
			err = p.Err
		}
		return nil, 0, fmt.Errorf("cannot open %s: %w", name, err)
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = Folder(name)
	}
	if err != nil {
		f.Close()
		return nil, 0, fmt.Errorf("cannot read %s: %w", name, err)
	}
	if !info.Mode().IsRegular() {
		return f, -1, nil
	}
	return f, info.Size(), nil
}

// Folder returns the error of a folder that should be a file.
func Folder(name string) error {
	if _, err := os.Stat(filepath.Join(name, "saved_model.pb")); err == nil {
		return errors.New("it is a folder in TensorFlow's format SavedModel, expected a file; " +
			`save a model with model.save("model.h5")`)
	}
	return errors.New("it is a directory")
}
