package idx

import (
	"fmt"
	"io"
	"os"

	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/outfile"
	"imagesimilarity/pkg/progress"
)

// unpack writes the values of a gzip file, a pipe or a device to a nameless file, and closes the
// file. What is behind the values of a gzip file is read and checked before anything is used.
func (f *File) unpack() (err error) {
	display := f.opener.Display
	if display == nil {
		display = progress.New(io.Discard, true)
	}
	doing, done := "unpacking", "unpacked"
	if f.r.source == nil {
		doing, done = "copying", "copied"
	}
	display.Say(fmt.Sprintf("%s is %s into a temporary file of %s in %s\n",
		f.Name, done, memory.Size(float64(f.count)), os.TempDir()))
	tell := display.Task(doing+" "+f.Name, "MiB")
	defer display.Phase("reading the files")
	defer f.r.Close()
	fault := func(err error) error {
		return fmt.Errorf("%s: %w", f.Name, outfile.NamelessError(f.what, err))
	}
	to, err := outfile.Nameless()
	if err != nil {
		return fault(err)
	}
	defer func() {
		if err != nil {
			to.Close()
		}
	}()
	const step = 1 << 20
	b := make([]byte, min(f.count, step))
	for at := 0; at < f.count; {
		n, err := io.ReadFull(f.r.Reader, b[:min(step, f.count-at)])
		if _, err := to.Write(b[:n]); err != nil {
			return fault(err)
		}
		at += n
		if ended(err) {
			return f.r.short(f.count, f.what, int64(at))
		}
		if err != nil {
			return f.r.fault(f.r.offset+int64(at), err, "%s", told(err))
		}
		tell(at/step, f.count/step+1) // the last part is what follows the values
	}
	if f.r.source != nil {
		if err := f.r.verify(f.count, f.what); err != nil {
			return err
		}
	}
	f.unpacked = to
	return nil
}

// unpackedValues returns the values of the nameless file, and closes it.
func (f *File) unpackedValues() ([]byte, error) {
	defer f.unpacked.Close()
	if err := memory.Check(float64(f.count), "%s: %s need", f.Name, f.what); err != nil {
		return nil, err
	}
	b := newBytes(f.count)
	values := stored{File: f.unpacked, name: f.Name, header: f.r.offset}
	return b, values.read(b, 0)
}
