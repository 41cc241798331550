package results

import "imagesimilarity/pkg/emd"

// An EMD is a run of search -EMD: the nearest images of every query by Earth Mover's Distance and
// by Manhattan distance, and how many of them have the label of the query.
type EMD struct {
	Header
	Settings EMDSettings `json:"settings"`

	// What a page lets its reader ask, about images of the data set and of the queries.
	Neighbourhoods []Neighbourhoods `json:"neighbourhoods"`

	Rounds []EMDRound `json:"rounds"` // one
}

func (*EMD) kind() string  { return "emd" }
func (r *EMD) rounds() int { return len(r.Rounds) }

// EMDSettings are what the command line set.
type EMDSettings struct {
	Output string `json:"output"` // the report as text
	Cell   int    `json:"cell"`   // width of a cell in pixels
}

// An EMDRound is the answers to one set of queries.
type EMDRound struct {
	Data       Labelled `json:"data"`
	Queries    Labelled `json:"queries"`
	Neighbours int      `json:"neighbours"` // judged for each query
	EMD        Ranking  `json:"emd"`
	Manhattan  Ranking  `json:"manhattan"`
	Flows      []Flow   `json:"flows"` // of a few queries
}

// A Flow is a cheapest way to turn a query into an image, both in cells.
type Flow struct {
	Query    int     `json:"query"`    // index of the query
	Image    int64   `json:"image"`    // index of the image
	Distance Number  `json:"distance"` // Earth Mover's Distance in pixels
	Rows     int     `json:"rows"`     // of cells
	Cols     int     `json:"columns"`  // of cells
	From     Numbers `json:"from"`     // weight of each cell of the query
	To       Numbers `json:"to"`       // weight of each cell of the image
	Moves    []Move  `json:"moves"`
}

// A Move is weight that goes from a cell to a cell.
type Move struct {
	From   int    `json:"from"`
	To     int    `json:"to"`
	Weight Number `json:"weight"`
}

// NewFlow returns the flow of a query to an image.
func NewFlow(query int, image int64, f *emd.Flow) Flow {
	flow := Flow{
		Query: query, Image: image, Distance: Number(f.Distance), Rows: f.Rows, Cols: f.Cols,
		From: f.From, To: f.To,
	}
	for _, m := range f.Moves {
		flow.Moves = append(flow.Moves, Move{m.From, m.To, Number(m.Weight)})
	}
	return flow
}

// Labelled is a file of images and the file of their labels.
type Labelled struct {
	Images File   `json:"images"`
	Labels string `json:"labels"`
}

// A Ranking is the nearest images by one distance. A neighbour is right if it has the label of
// the query.
type Ranking struct {
	Seconds      Number       `json:"seconds"` // for all queries
	Correctness  Number       `json:"correctness"`
	Right        int          `json:"right"`         // neighbours of all queries
	NearestRight int          `json:"nearest_right"` // queries with a right nearest neighbour
	Queries      []int        `json:"queries"`       // [r] is the number with r right neighbours
	Labels       []LabelScore `json:"labels"`        // ascending, those that queries have
	RightOf      []int        `json:"right_of"`      // right neighbours of each query
	Index        [][]int64    `json:"index"`         // (queries, neighbours), the nearest first
	Distance     []Numbers    `json:"distance"`      // the same, in pixels or grey levels
}

// A LabelScore tells how many neighbours of the queries with a label are right.
type LabelScore struct {
	Label   int `json:"label"`
	Queries int `json:"queries"`
	Right   int `json:"right"`
}

// RankingSize returns the bytes of a ranking, with its lists, of k neighbours of each query.
func RankingSize(queries, k int) float64 {
	const neighbour, query = 8 + 8, 8 + 24 + 24
	return float64(float64(queries) * float64(neighbour*k+query))
}

// NewRanking judges the neighbours of queries. index is (queries, k), in a list. The correctness
// is the mean share of right neighbours. The original meant the same, but divided integers: a
// query whose neighbours are all right counts 1 and any other 0. textbook selects which.
// The correctness is NaN if there are no queries.
func NewRanking(
	seconds float64, k int, index []int64, distance []float64,
	queryLabels, dataLabels []uint8, textbook bool,
) Ranking {
	n := len(queryLabels)
	r := Ranking{
		Seconds: Number(seconds), Queries: make([]int, k+1), RightOf: make([]int, 0, n),
		Index: make([][]int64, 0, n), Distance: make([]Numbers, 0, n),
	}
	var of [256]LabelScore
	whole := 0 // right neighbours of the queries that have no wrong one
	for q, label := range queryLabels {
		row := index[q*k : (q+1)*k]
		right := 0
		for j, i := range row {
			if dataLabels[i] != label {
				continue
			}
			right++
			if j == 0 {
				r.NearestRight++
			}
		}
		if right == k {
			whole += k
		}
		r.Right += right
		r.Queries[right]++
		r.RightOf = append(r.RightOf, right)
		of[label].Queries++
		of[label].Right += right
		r.Index = append(r.Index, row)
		r.Distance = append(r.Distance, distance[q*k:(q+1)*k])
	}
	counted := whole
	if textbook {
		counted = r.Right
	}
	r.Correctness = Number(float64(counted) / float64(k*n))
	for label, s := range of {
		if s.Queries > 0 {
			s.Label = label
			r.Labels = append(r.Labels, s)
		}
	}
	return r
}
