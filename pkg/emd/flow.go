package emd

// A Flow is one of the cheapest ways to turn the grey levels of one image into those of another.
type Flow struct {
	Rows, Cols int       // of cells
	From, To   []float64 // (cells): weights of the cells of both images; each adds up to 1
	Moves      []Move    // ascending by the cells
	Distance   float64   // Earth Mover's Distance in pixels: the sum of weight times way
}

// A Move is a part of the weight that goes from a cell to a cell, which may be the same. Cells are
// counted row by row from 0.
type Move struct {
	From, To int
	Weight   float64
}

// NewFlow returns the flow from one image of (rows, cols) pixels to another. The cells are squares
// of cell pixels. If one of the images is black, there are no moves and the distance is 0. NewFlow
// returns an error if the cells do not divide the images or if they are more than 1,024.
func NewFlow(from, to []uint8, rows, cols, cell int) (*Flow, error) {
	g, err := newGrid(rows, cols, cell)
	if err != nil {
		return nil, err
	}
	w, v := make([]int32, g.cells), make([]int32, g.cells)
	W, V := g.levels(w, from), g.levels(v, to)
	f := &Flow{Rows: g.high, Cols: g.wide, From: weights(w, W), To: weights(v, V)}
	if W == 0 || V == 0 {
		return f, nil
	}
	s := newSolver(g)
	f.Distance = s.distance(w, W, v, V) * float64(cell)
	scale := float64(W) * float64(V)
	amount := make([]int64, g.cells*g.cells)
	for c := range g.cells {
		amount[c*g.cells+c] = min(int64(w[c])*int64(V), int64(v[c])*int64(W))
	}
	s.each(func(source, sink int, flow int64) {
		amount[s.place[source]*g.cells+s.place[sink]] += flow
	})
	for way, a := range amount {
		if a > 0 {
			f.Moves = append(f.Moves, Move{way / g.cells, way % g.cells, float64(a) / scale})
		}
	}
	return f, nil
}

// weights returns the levels as shares of their total; zeros for a black image.
func weights(levels []int32, total int32) []float64 {
	shares := make([]float64, len(levels))
	for c, l := range levels {
		if total > 0 {
			shares[c] = float64(l) / float64(total)
		}
	}
	return shares
}
