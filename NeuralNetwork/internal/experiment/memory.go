package experiment

import (
	"imagesimilarity/NeuralNetwork/internal/argparse"
	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/plural"
)

// MemoryFlag returns the flag -memory, which sets the bytes that a program may use.
func MemoryFlag(to *int64) argparse.Flag {
	return argparse.Flag{
		Short: "-memory", Long: "--memory", Whole: true,
		Set: func(value string) (err error) {
			*to, err = memory.Parse(value)
			return err
		},
		Help: "most memory to use, such as 2GiB (default: what the machine has left); images " +
			"that take more than a quarter of it are read in blocks",
	}
}

// CheckMemory returns an error if there is no memory to make and train a network of these layers in
// batches of batch images, and to validate in batches of evaluation images. It makes no weights.
func CheckMemory(layers []*nn.Layer, batch, evaluation int) error {
	sizes, err := nn.Sizes(layers)
	if err != nil {
		return err
	}
	return memory.Check(nn.TrainingMemory(sizes, batch, evaluation),
		"training this network in batches of %s needs", plural.Of(batch, "image"))
}
