package report

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"

	"imagesimilarity/pkg/results"
)

// A flowCard is a query, an image and three drawings: the cells of the query, what moves and the
// cells of the image.
type flowCard struct {
	Title        string
	Query, Image tile
	Panels       []drawing
}

// flows shows how the grey levels of a few queries become those of their nearest images.
func (r emdRound) flows(flows []results.Flow) template.HTML {
	cards := make([]flowCard, len(flows))
	for i, f := range flows {
		cards[i] = r.flow(f)
	}
	return execute("flows", cards)
}

// flowTitle tells how far the image is, and by which distance it is the nearest.
func (r emdRound) flowTitle(f results.Flow) string {
	var nearest []string
	for _, a := range r.rankings {
		if a.Index[f.Query][0] == f.Image {
			nearest = append(nearest, a.name)
		}
	}
	return fmt.Sprintf("%.4g pixels; nearest by %s", float64(f.Distance),
		strings.Join(nearest, " and by "))
}

func (r emdRound) flow(f results.Flow) flowCard {
	image := int(f.Image)
	c := flowCard{
		Title: r.flowTitle(f),
		Query: tile{
			Picture: picture(r.queries.At(f.Query), r.queries.Rows, r.queries.Cols),
			Alt:     "the query, " + called(f.Query, r.queries.Labels),
			Lines: []string{"query #" + count(f.Query),
				fmt.Sprintf("label %d", r.queries.Labels[f.Query])},
		},
		Image: tile{
			Picture: picture(r.data.At(image), r.data.Rows, r.data.Cols),
			Alt:     "the " + called(image, r.data.Labels),
			Lines:   []string{"#" + count(image), fmt.Sprintf("label %d", r.data.Labels[image])},
			Mark:    mark(r.data.Labels[image] == r.queries.Labels[f.Query]),
		},
	}
	// Both have one scale.
	most := heaviest(f)
	c.Panels = []drawing{
		{
			Drawing: cells("Weights of the query's cells", f, f.From, most),
			Caption: "query, % in each cell",
		},
		{Drawing: moves(f), Caption: "what moves"},
		{
			Drawing: cells("Weights of the image's cells", f, f.To, most),
			Caption: "image, % in each cell",
		},
	}
	return c
}

// heaviest returns the largest weight of a cell of both images, above 0 even if both are black.
func heaviest(f results.Flow) float64 {
	return max(slices.Max(f.From), slices.Max(f.To), math.SmallestNonzeroFloat64)
}

const cellSide = 20 // in the units of a drawing of cells

// cells draws the weight of each cell as a colour, and in percent if the cells are few. most is the
// weight with the strongest colour.
func cells(alt string, f results.Flow, weights results.Numbers, most float64) template.HTML {
	const legible = 8 // columns
	b := beginCells(alt, f)
	for c, w := range weights {
		x, y := c%f.Cols*cellSide, c/f.Cols*cellSide
		if w > 0 {
			fmt.Fprintf(b, `<rect class="share" x="%d" y="%d" width="%d" height="%d" `+
				`fill-opacity="%.3f"/>`, x, y, cellSide, cellSide, 0.7*math.Sqrt(w/most))
		}
		if percent := math.Round(100 * w); percent > 0 && f.Cols <= legible {
			fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="middle">%.0f</text>`,
				x+cellSide/2, y+cellSide/2+3, percent)
		}
	}
	return template.HTML(b.String() + "</svg>")
}

// moves draws each move as a wedge from its cell to the tip in the other, and what stays as a dot.
// Widths and diameters grow with the square root of the weight.
func moves(f results.Flow) template.HTML {
	b := beginCells("Moves of grey levels from cell to cell", f)
	for _, m := range f.Moves {
		percent := 100 * float64(m.Weight)
		half := cellSide * 0.8 * math.Sqrt(float64(m.Weight)) // of the width
		x, y := middle(m.From, f.Cols)
		u, v := middle(m.To, f.Cols)
		if m.From == m.To {
			fmt.Fprintf(b, `<circle class="stay" cx="%g" cy="%g" r="%.2f"><title>%.1f %% stay</title>`+
				`</circle>`, x, y, half, percent)
			continue
		}
		length := math.Sqrt(float64((u-x)*(u-x)) + float64((v-y)*(v-y)))
		dx, dy := -half*(v-y)/length, half*(u-x)/length
		fmt.Fprintf(b, `<path class="move" d="M%.2f %.2fL%g %gL%.2f %.2fZ"><title>%.1f %% move `+
			`%.3g cells</title></path>`, x+dx, y+dy, u, v, x-dx, y-dy, percent, length/cellSide)
	}
	return template.HTML(b.String() + "</svg>")
}

// middle returns the place of the middle of a cell.
func middle(cell, cols int) (x, y float64) {
	return float64(cell%cols*cellSide + cellSide/2), float64(cell/cols*cellSide + cellSide/2)
}

// beginCells begins a drawing with the lines between the cells.
func beginCells(alt string, f results.Flow) *strings.Builder {
	var b strings.Builder
	w, h := f.Cols*cellSide, f.Rows*cellSide
	fmt.Fprintf(&b, `<svg role="img" aria-label="%s" viewBox="-1 -1 %d %d">`, alt, w+2, h+2)
	var d strings.Builder
	for i := range f.Cols + 1 {
		fmt.Fprintf(&d, "M%d 0V%d", i*cellSide, h)
	}
	for i := range f.Rows + 1 {
		fmt.Fprintf(&d, "M0 %dH%d", i*cellSide, w)
	}
	fmt.Fprintf(&b, `<path class="lines" d="%s"/>`, d.String())
	return &b
}
