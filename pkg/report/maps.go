package report

import (
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"imagesimilarity/pkg/results"
)

// graph returns the layout of the latent vectors of these images as a plot.
func (l layout) graph(points []int, labels []uint8) graph {
	p := newPlot(l.X, l.Y)
	if l.X == "" {
		p.HideAxes() // they have no meaning
	}
	p.Add(placePlot{l.place, points, labels})
	return graph{p, 520, 520, "Latent vectors in the plane by " + l.Name}
}

// A placePlot draws a point as its label in the colour of that, or as a dot if it has none.
type placePlot struct {
	place  [][2]float64
	points []int
	labels []uint8
}

// Plot draws the points.
func (d placePlot) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	text := p.X.Tick.Label
	text.Font.Size, text.XAlign, text.YAlign = 6, draw.XCenter, draw.YCenter
	dot := draw.GlyphStyle{Color: series[0], Radius: 1.5, Shape: draw.CircleGlyph{}}
	for i, at := range d.place {
		middle := vg.Point{X: x(at[0]), Y: y(at[1])}
		label := labelOf(d.points[i], d.labels)
		if label < 0 {
			c.DrawGlyph(dot, middle)
			continue
		}
		text.Color = series[label%len(series)]
		c.FillText(text, middle, fmt.Sprint(label))
	}
}

// DataRange returns the extent of the points, with equal scales in both directions.
func (d placePlot) DataRange() (xmin, xmax, ymin, ymax float64) {
	low := [2]float64{math.Inf(1), math.Inf(1)}
	high := [2]float64{math.Inf(-1), math.Inf(-1)}
	for _, at := range d.place {
		for c, v := range at {
			low[c], high[c] = min(low[c], v), max(high[c], v)
		}
	}
	half := float64(max(high[0]-low[0], high[1]-low[1], math.SmallestNonzeroFloat64) / 2)
	x, y := float64((low[0]+high[0])/2), float64((low[1]+high[1])/2)
	return x - half, x + half, y - half, y + half
}

// flowGraph returns the cells of a query, what moves, and the cells of an image as one plot.
func flowGraph(f results.Flow, title string) graph {
	p := newPlot("", "")
	p.HideAxes()
	p.Add(flowPlot{f})
	side := vg.Length(22)
	if f.Cols > 8 {
		side = 176 / vg.Length(f.Cols)
	}
	return graph{p, side * vg.Length(3*f.Cols+2), vg.Length(side*vg.Length(f.Rows)) + 24, title}
}

// A flowPlot draws three grids side by side. A cell is one unit wide.
type flowPlot struct{ results.Flow }

// Plot draws weights as colours, moves as wedges from their wide end to the tip, and what stays as
// dots.
func (f flowPlot) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	at := func(u, v float64) vg.Point { return vg.Point{X: x(u), Y: y(float64(f.Rows) - v)} }
	text := p.X.Tick.Label
	text.Font.Size, text.XAlign, text.YAlign = 8, draw.XCenter, draw.YCenter
	most := heaviest(f.Flow)
	lines := draw.LineStyle{Color: faint, Width: 0.5}
	for panel, name := range []string{"query, % in each cell", "what moves", "image, % in each cell"} {
		left := float64(panel * (f.Cols + 1))
		for cell := range f.Rows * f.Cols {
			u, v := left+float64(cell%f.Cols), float64(cell/f.Cols)
			square := []vg.Point{at(u, v), at(u+1, v), at(u+1, v+1), at(u, v+1), at(u, v)}
			if weights := [][]float64{f.From, nil, f.To}[panel]; weights != nil {
				w := weights[cell]
				c.FillPolygon(paler("heat", math.Sqrt(w/most)), square)
				if percent := math.Round(100 * w); percent > 0 && f.Cols <= 8 {
					c.FillText(text, at(u+0.5, v+0.5), fmt.Sprint(percent))
				}
			}
			c.StrokeLines(lines, square)
		}
		c.FillText(text, at(left+float64(float64(f.Cols)/2), float64(f.Rows)+0.5), name)
	}
	left := float64(f.Cols + 1)
	for _, m := range f.Moves {
		half := 0.8 * math.Sqrt(float64(m.Weight))
		a, b := left+float64(m.From%f.Cols)+0.5, float64(m.From/f.Cols)+0.5
		u, v := left+float64(m.To%f.Cols)+0.5, float64(m.To/f.Cols)+0.5
		if m.From == m.To {
			c.DrawGlyph(draw.GlyphStyle{
				Color: color.Gray{Y: 0xa8}, Shape: draw.CircleGlyph{},
				Radius: vg.Length(half) * (x(1) - x(0)),
			}, at(u, v))
			continue
		}
		length := math.Sqrt(float64((u-a)*(u-a)) + float64((v-b)*(v-b)))
		dx, dy := -half*(v-b)/length, half*(u-a)/length
		c.FillPolygon(series[1], []vg.Point{at(a+dx, b+dy), at(u, v), at(a-dx, b-dy)})
	}
}

// DataRange returns the extent of the grids and of the line below them.
func (f flowPlot) DataRange() (xmin, xmax, ymin, ymax float64) {
	return 0, float64(3*f.Cols + 2), -1, float64(f.Rows)
}
