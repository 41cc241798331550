package experiment

import (
	"fmt"

	"imagesimilarity/pkg/idx"
)

// OpenLabels opens a file of labels and checks that there is one for each of the images.
func OpenLabels(name string, images *idx.ImageFile) (*idx.LabelFile, error) {
	f, err := idx.OpenLabels(name)
	if err != nil {
		return nil, err
	}
	if f.N != images.N {
		return nil, fmt.Errorf("%s: %d labels, expected %d, one for each image of %s",
			name, f.N, images.N, images.Name)
	}
	return f, nil
}
