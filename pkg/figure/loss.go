// Package figure draws what the network programs show: the course of a training's loss and a grid
// of classified images.
package figure

import (
	"image"
	"image/color"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// A LossGraph is one training.
type LossGraph struct {
	Title         string    // what was trained; may have several lines
	Loss, ValLoss []float64 // per epoch, on the training and on the validation data
}

// Colours of matplotlib's first two curves.
var (
	blue   = color.RGBA{0x1f, 0x77, 0xb4, 0xff}
	orange = color.RGBA{0xff, 0x7f, 0x0e, 0xff}
)

// LossGraphs shows one graph below the other, the losses against the epoch, counted from 1. An
// epoch whose loss is no finite number leaves a gap.
func LossGraphs(graphs []LossGraph) image.Image {
	// One graph has matplotlib's default size. The original squeezed further ones into it; here the
	// figure grows with them, until it would be too large to be looked at.
	const width, height, most = 6.4 * vg.Inch, 4.8 * vg.Inch, 20
	img, canvas := newCanvas(width, height*vg.Length(min(len(graphs), most)))
	tiles := draw.Tiles{Rows: len(graphs), Cols: 1, PadY: vg.Points(12),
		PadTop: vg.Points(8), PadBottom: vg.Points(8), PadLeft: vg.Points(8), PadRight: vg.Points(12)}
	for i, g := range graphs {
		p := plot.New()
		p.Title.Text = g.Title
		p.Title.Padding = vg.Points(8)
		p.X.Label.Text = "Epoch"
		p.Y.Label.Text = "Loss"
		p.Legend.Top = true
		last := max(2, len(g.Loss)) // an axis of one point would have no length
		p.X.Min, p.X.Max = 1, float64(last)
		p.X.Tick.Marker = epochTicks(last)
		for _, curve := range []struct {
			name   string
			values []float64
			colour color.Color
		}{{"training data", g.Loss, blue}, {"validation data", g.ValLoss, orange}} {
			style := draw.LineStyle{Color: curve.colour, Width: vg.Points(1.5)}
			for _, part := range finite(curve.values) {
				p.Add(&plotter.Line{XYs: part, LineStyle: style})
				if len(part) == 1 { // no line: show it as a dot
					p.Add(&plotter.Scatter{XYs: part, GlyphStyle: draw.GlyphStyle{
						Color: curve.colour, Radius: vg.Points(3), Shape: draw.CircleGlyph{},
					}})
				}
			}
			p.Legend.Add(curve.name, &plotter.Line{LineStyle: style})
		}
		p.Draw(tiles.At(canvas, 0, i))
	}
	return img
}

// epochTicks marks whole epochs from 1 to last, at most ten of them.
func epochTicks(last int) plot.ConstantTicks {
	var ticks plot.ConstantTicks
	for i := 1; i <= last; i += (last + 9) / 10 {
		ticks = append(ticks, plot.Tick{Value: float64(i), Label: strconv.Itoa(i)})
	}
	return ticks
}

// finite cuts values into the stretches of finite numbers, as points (epoch, value).
func finite(values []float64) []plotter.XYs {
	var parts []plotter.XYs
	var part plotter.XYs
	for i, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			if len(part) > 0 {
				parts = append(parts, part)
			}
			part = nil
			continue
		}
		part = append(part, plotter.XY{X: float64(i + 1), Y: v})
	}
	if len(part) > 0 {
		parts = append(parts, part)
	}
	return parts
}

// newCanvas makes a white image and the canvas that draws on it, at matplotlib's 100 dots an inch.
func newCanvas(width, height vg.Length) (image.Image, draw.Canvas) {
	c := vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(100))
	return c.Image(), draw.New(c)
}
