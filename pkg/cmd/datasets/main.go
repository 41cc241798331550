// Command datasets fetches MNIST, or makes a data set of pictures, arrays or IDX files. It writes
// them to a folder, in the folders that the programs' examples name. It also makes large data sets
// of deformed images.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"

	"imagesimilarity/pkg/cmd/internal/convert"
	"imagesimilarity/pkg/cmd/internal/grow"
	"imagesimilarity/pkg/mnist"
	"imagesimilarity/pkg/outfile"
	"imagesimilarity/pkg/plural"
	"imagesimilarity/pkg/program"
	"imagesimilarity/pkg/progress"
	"imagesimilarity/pkg/quote"
)

const usage = `Usage: datasets FOLDER                   fetches MNIST and writes it to FOLDER
       datasets [flags] SOURCE FOLDER    makes a data set of SOURCE in FOLDER
       datasets -grow N [-seed S] [IMAGES LABELS] FOLDER
                                         makes N images of a few
SOURCE is one of these:
  a folder with one folder of PNG or JPEG pictures for each class; it may have
    them in the folders train and test
  a folder of four IDX files, named as those of MNIST, Fashion-MNIST or EMNIST
  a file .npz, such as Keras' mnist.npz with x_train, y_train, x_test, y_test
  a file .npy of images, with -labels
If there is no test set, each tenth image becomes a query. Colours become grey
by their luminance, and transparent parts black. A file classes.txt in the
folder of SOURCE names the classes, one on each line.
  -size RxC      scale to R rows and C columns by the mean of the area (pictures:
                 28x28; others: as they are)
  -invert        make dark light, for ink on white paper
  -transpose     swap rows and columns, as the files of EMNIST need it
  -labels FILE   file .npy with the labels of the images in a file .npy
  -grow N        write N images and labels to images.dat and labels.dat in FOLDER:
                 those of MNIST's training set, or of the IDX files IMAGES and
                 LABELS, then the same ones again and again with small shifts,
                 rotations, changes of size and elastic deformations, as MNIST8M
                 was made (N was 8100000, which takes 6.4 GB)
  -seed S        what the deformations are drawn from (1)
  -h, --help     show this text and exit
`

func main() { os.Exit(program.Run("datasets", run)) }

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	var o convert.Options
	large := grow.Options{Seed: 1}
	flags := flag.NewFlagSet("datasets", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Func("size", "", func(value string) error { return setSize(&o, value) })
	flags.BoolVar(&o.Invert, "invert", false, "")
	flags.BoolVar(&o.Transpose, "transpose", false, "")
	flags.StringVar(&o.Labels, "labels", "", "")
	flags.Func("grow", "", func(value string) error { return setNumber(&large, value) })
	flags.Uint64Var(&large.Seed, "seed", large.Seed, "")
	err := flags.Parse(args)
	given := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, usage)
		return 0
	}
	switch n := flags.NArg(); {
	case err != nil:
	case large.N > 0 && len(given) > 1 && !(given["seed"] && len(given) == 2):
		err = errors.New("expected no other flag than -seed with -grow")
	case large.N > 0 && n != 1 && n != 3:
		err = fmt.Errorf("expected FOLDER or IMAGES LABELS FOLDER with -grow, found %d arguments", n)
	case large.N > 0:
	case given["seed"]:
		err = errors.New("expected -grow with -seed")
	case n == 1 && len(given) > 0:
		err = errors.New("expected SOURCE and FOLDER after the flags")
	case n < 1 || n > 2:
		err = fmt.Errorf("expected one or two folders, found %d arguments", n)
	}
	if err != nil {
		fmt.Fprintf(stderr, "datasets: %s\n%s", quote.Message(err), usage)
		return 2
	}
	switch n := flags.NArg(); {
	case large.N > 0:
		large.Folder = flags.Arg(n - 1)
		if n == 3 {
			large.Images, large.Labels = flags.Arg(0), flags.Arg(1)
		}
		err = grow.Grow(large, outfile.NewGuard(stdin, stdout, stderr), progress.New(stderr, false))
		if err == nil {
			_, err = fmt.Fprintf(stdout, "Written to %s: %s\n",
				quote.Printable(large.Folder), plural.Of(large.N, "image"))
		}
	case n == 1:
		err = fetch(flags.Arg(0), stdout)
	default:
		err = convert.Convert(flags.Arg(0), flags.Arg(1), o, stdout)
	}
	if err != nil {
		fmt.Fprintln(stderr, "datasets:", quote.Message(err))
		return 1
	}
	return 0
}

// setSize reads a size such as 28x28.
func setSize(o *convert.Options, value string) error {
	const most = 4096
	var end string
	n, _ := fmt.Sscanf(value+" .", "%dx%d %s", &o.Rows, &o.Cols, &end)
	if n != 3 || end != "." || o.Rows < 1 || o.Cols < 1 || o.Rows > most || o.Cols > most {
		return fmt.Errorf("expected rows and columns from 1 to %d, such as 28x28", most)
	}
	return nil
}

// setNumber reads the number of images to make, which must fit into the header of a file.
func setNumber(o *grow.Options, value string) error {
	n, err := strconv.ParseUint(value, 10, 32)
	if err != nil || n == 0 {
		return fmt.Errorf("expected a number of images from 1 to %d", uint32(math.MaxUint32))
	}
	o.N = int(n)
	return nil
}

// fetch writes MNIST to a folder. It refuses one that has files but no data set: it is rather a
// SOURCE whose FOLDER was forgotten.
func fetch(folder string, stdout io.Writer) error {
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("cannot %w", err) // open or read, the name, and why
	}
	_, err = os.Stat(filepath.Join(folder, "training", "images.dat")) // of an earlier data set
	if len(entries) > 0 && err != nil {
		return fmt.Errorf("cannot write MNIST to %s: it has other files; expected a new folder (to "+
			"make a data set of these files, name a second folder for it)", folder)
	}
	dir, err := mnist.Fetch()
	if err != nil {
		return err
	}
	if err := mnist.Write(folder, dir); err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "Written to %s: MNIST\n", quote.Printable(folder))
	return err
}
