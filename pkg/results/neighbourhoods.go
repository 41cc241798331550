package results

// Neighbourhoods are what several methods find nearest to some images, for a reader who asks about
// them. All methods search among the same few images of a data set, with the settings of the run.
// An image is not its own neighbour.
type Neighbourhoods struct {
	Data    string       `json:"data"`    // file of the images among which the methods search
	Among   []int        `json:"among"`   // their indices, ascending
	Asked   string       `json:"asked"`   // file of the images that are asked about
	Images  []int        `json:"images"`  // their indices, ascending
	Methods []Neighbours `json:"methods"` // each method once
}

// The methods that find neighbours.
const (
	Exact  = "exact"  // Manhattan distance between grey levels
	Latent = "latent" // Manhattan distance between latent vectors
	LSH    = "lsh"    // locality-sensitive hashing of grey levels
	Earth  = "emd"    // Earth Mover's Distance
)

// Neighbours are the images that one method finds nearest to each image that is asked about: ten,
// or fewer if it finds no more.
type Neighbours struct {
	Method   string    `json:"method"`
	Index    [][]int64 `json:"index"`    // (images, neighbours), the nearest first; nil if not asked
	Distance []Numbers `json:"distance"` // the same, in grey levels, latent values or pixels
}

// By returns the neighbours that a method found; nil if it was not asked.
func (n *Neighbourhoods) By(method string) *Neighbours {
	for i := range n.Methods {
		if n.Methods[i].Method == method {
			return &n.Methods[i]
		}
	}
	return nil
}
