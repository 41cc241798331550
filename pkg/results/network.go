package results

// A Reduce is a run of reduce: autoencoders, trained one after the other, or one that was loaded.
type Reduce struct {
	Header
	Settings ReduceSettings `json:"settings"`
	Dataset  File           `json:"dataset"`
	Queryset File           `json:"queryset"`
	Rounds   []Autoencoder  `json:"rounds"`
}

func (*Reduce) kind() string  { return "reduce" }
func (r *Reduce) rounds() int { return len(r.Rounds) }

// ReduceSettings are what the command line set.
type ReduceSettings struct {
	DatasetLatents  string `json:"dataset_latents"`
	QuerysetLatents string `json:"queryset_latents"`
	Labels          string `json:"labels"` // of the dataset; "" if they are not known
	Seed            uint64 `json:"seed"`
	Loss            string `json:"loss"`
	Optimizer       string `json:"optimizer"`
}

// An Autoencoder is one experiment of reduce.
type Autoencoder struct {
	Loaded   string              `json:"loaded"`   // model file; "" if the network was trained
	Answers  *AutoencoderAnswers `json:"answers"`  // nil if the network was loaded
	Training *Training           `json:"training"` // nil if the network was loaded

	// Files that were written; "" for none.
	LossGraph string `json:"loss_graph"`
	Saved     string `json:"saved"`

	LatentsWritten bool `json:"latents_written"` // of both sets

	// Some images of the dataset, evenly spread: their vectors, and what the network makes of them.
	Points          []int            `json:"points"`
	Latents         []Values         `json:"latents"` // (points, dimensions), before scaling
	Map             []Values         `json:"map"`     // (points, 2), by t-SNE; nil if not finite
	Reconstructions []Reconstruction `json:"reconstructions"`
	Device          string           `json:"device"` // what computed the network
}

// An Encoder is the answers about the convolutional layers. There are none if classification took
// an encoder from a file as it was.
type Encoder struct {
	FilterSize int   `json:"filter_size"`
	Filters    []int `json:"filters"` // of each layer
}

// AutoencoderAnswers are what the person answered about the network and its training.
type AutoencoderAnswers struct {
	Encoder
	Epochs    int `json:"epochs"`
	Batch     int `json:"batch"`
	Embedding int `json:"embedding"`
}

// A Training is the course of a training.
type Training struct {
	Seconds  Number  `json:"seconds"`
	Loss     Numbers `json:"loss"`     // on the training images, of each epoch
	ValLoss  Numbers `json:"val_loss"` // on the validation images, after each epoch
	Phases   []int   `json:"phases"`   // epochs that each phase completed
	Complete bool    `json:"complete"` // false if it was interrupted or diverged
}

// A Reconstruction is an image as the autoencoder gets it and what it makes of it.
type Reconstruction struct {
	Image  int    `json:"image"`  // index in the dataset
	Input  Values `json:"input"`  // (rows, columns)
	Output Values `json:"output"` // the same, on the same scale
}

// A Classification is a run of classification: classifiers, trained one after the other.
type Classification struct {
	Header
	Settings    ClassificationSettings `json:"settings"`
	TrainingSet Labelled               `json:"training_set"`
	TestSet     Labelled               `json:"test_set"`
	Classes     int                    `json:"classes"` // that the network tells apart
	Rounds      []Classifier           `json:"rounds"`
}

func (*Classification) kind() string  { return "classification" }
func (r *Classification) rounds() int { return len(r.Rounds) }

// ClassificationSettings are what the command line set.
type ClassificationSettings struct {
	Model     string `json:"model"` // file of the trained autoencoder
	Seed      uint64 `json:"seed"`
	Loss      string `json:"loss"`
	Optimizer string `json:"optimizer"`
}

// A Classifier is one experiment of classification.
type Classifier struct {
	Answers   ClassifierAnswers `json:"answers"`
	Training  *Training         `json:"training"`
	LossGraph string            `json:"loss_graph"` // PNG file that was written; "" for none
	Saved     string            `json:"saved"`      // model file that was written; "" for none
	Test      *Test             `json:"test"`       // nil if the test set could not be classified
	Device    string            `json:"device"`     // what computed the network
}

// ClassifierAnswers are what the person answered about the network and its training.
type ClassifierAnswers struct {
	Encoder
	FullyConnected int    `json:"fully_connected"`
	FrozenEpochs   int    `json:"frozen_epochs"` // phase 1, with the encoder frozen
	FreeEpochs     int    `json:"free_epochs"`   // phase 2, with all layers
	Batch          int    `json:"batch"`
	Embedding      int    `json:"embedding"`
	DropoutRate    Number `json:"dropout_rate"`
}

// A Test is how a classifier classifies the test set.
type Test struct {
	Right       int     `json:"right"`   // images
	Wrong       int     `json:"wrong"`   // images
	Scores      []Score `json:"scores"`  // of each class, then of all
	Classes     []int   `json:"classes"` // all that are true or predicted for an image, ascending
	Confusion   [][]int `json:"confusion"`
	Truth       Grey    `json:"truth"`       // class of each image
	Predicted   Grey    `json:"predicted"`   // what each image was taken for
	Probability Values  `json:"probability"` // of the predicted class, of each image
	OfTruth     Values  `json:"of_truth"`    // probability of the true class, of each image
}

// A Score is a row of scikit-learn's classification report.
type Score struct {
	Name      string `json:"name"`
	Precision Number `json:"precision"`
	Recall    Number `json:"recall"`
	F1        Number `json:"f1"`
	Support   int    `json:"support"` // images
}
