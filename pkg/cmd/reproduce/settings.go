package main

// The original's README has a row for each of these.
var (
	dimensions = []int{10, 15, 20} // of the latent space
	cells      = []int{14, 7, 4}   // pixels, for the Earth Mover's Distance
)

// classified is the dimension of the autoencoder that the classifier is put on, and of the latent
// vectors that are clustered.
const classified = 10

// modes are the settings of both ways. The original's README does not say how its networks were
// made; these settings train all of them within minutes.
var modes = []mode{
	{
		name: "original", filterSize: 3, loss: "mse",
		networks: map[int]network{
			10: {filters: []int{16, 32}, batch: 128, epochs: 8},
			15: {filters: []int{16, 32}, batch: 128, epochs: 8},
			20: {filters: []int{16, 32}, batch: 128, epochs: 8},
		},
		fullyConnected: 50, frozenEpochs: 1, freeEpochs: 5, classifierBatch: 128, dropout: 0.2,
		hashFunctions: 4, hashTables: 5,
	},
	{
		name: "textbook", flags: []string{"-textbook"}, filterSize: 3, loss: "mae",
		networks: map[int]network{
			10: {filters: []int{16, 32, 64, 64}, batch: 64, epochs: 10},
			15: {filters: []int{64}, batch: 128, epochs: 5},
			20: {filters: []int{64}, batch: 128, epochs: 5},
		},
		fullyConnected: 50, frozenEpochs: 1, freeEpochs: 5, classifierBatch: 128, dropout: 0.2,
		hashFunctions: 10, hashTables: 10,
	},
}

// published holds the figures of the original's README. It does not name the machine of its times.
var published = struct {
	lsh, reduced, searchSeconds       map[int]string // by latent dimension
	emd, manhattan, emdTime           map[int]string // by cell
	silhouette, objective, clustering [3]string      // new space, original space, classes
}{
	lsh:           map[int]string{10: "1.11199", 15: "1.11199", 20: "1.11199"},
	reduced:       map[int]string{10: "1.56615", 15: "1.45668", 20: "1.35298"},
	searchSeconds: map[int]string{10: "129.271", 15: "146.854", 20: "181.147"},
	emd:           map[int]string{14: "0.08", 7: "0.47", 4: "0.81"},
	manhattan:     map[int]string{14: "0.78", 7: "0.78", 4: "0.78"},
	emdTime:       map[int]string{14: "20 minutes", 7: "1 hour", 4: "6 hours"},
	silhouette:    [3]string{"0.0790247", "0.097787", "0.102485"},
	objective:     [3]string{"1.93026e+08", "1.89179e+08", "1.93981e+08"},
	clustering:    [3]string{"0.722248", "14.4419", "-"},
}
