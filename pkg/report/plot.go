package report

import (
	"bytes"
	"fmt"
	"html/template"
	"image/color"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// A drawing is a plot with its title, which may be empty, and the sentence under it.
type drawing struct {
	Title   string
	Drawing template.HTML
	Caption string
}

// A graph is a plot and the size of its drawing on a page. alt tells what it shows. A graph without
// a plot has nothing to show; alt then tells why.
type graph struct {
	plot *plot.Plot
	w, h vg.Length
	alt  string
}

// Stand-ins for the colours of the style sheet, which differ in light and dark. Nothing else has
// these colours.
var (
	ink    = color.NRGBA{R: 1, G: 2, B: 3, A: 255}
	faint  = color.NRGBA{R: 1, G: 2, B: 4, A: 255}
	series = []color.NRGBA{
		{R: 2, G: 0, B: 1, A: 255}, {R: 2, G: 1, B: 1, A: 255}, {R: 2, G: 2, B: 1, A: 255},
		{R: 2, G: 3, B: 1, A: 255}, {R: 2, G: 4, B: 1, A: 255}, {R: 2, G: 5, B: 1, A: 255},
		{R: 2, G: 6, B: 1, A: 255}, {R: 2, G: 7, B: 1, A: 255}, {R: 2, G: 8, B: 1, A: 255},
		{R: 2, G: 9, B: 1, A: 255},
	}
)

// themed replaces the stand-ins. It adds to the font in which gonum measured the texts the fonts of
// the same widths on other systems.
var themed = func() *strings.Replacer {
	pairs := []string{
		"font-family:Liberation Sans", "font-family:Liberation Sans,Arial,Helvetica,sans-serif",
		hex(ink), "var(--ink)", hex(faint), "var(--faint)",
	}
	for i, c := range series {
		pairs = append(pairs, hex(c), fmt.Sprintf("var(--c%d)", i))
	}
	return strings.NewReplacer(pairs...)
}()

func hex(c color.NRGBA) string { return fmt.Sprintf("#%02X%02X%02X", c.R, c.G, c.B) }

// newPlot returns an empty plot in the page's ink.
func newPlot(x, y string) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil
	p.X.Label.Text, p.Y.Label.Text = x, y
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Color, a.Tick.Color, a.Tick.Marker = ink, ink, shortTicks{}
		for _, s := range []*draw.TextStyle{&a.Label.TextStyle, &a.Tick.Label} {
			s.Color, s.Font.Variant, s.Font.Size = ink, "Sans", 10
		}
	}
	legend := &p.Legend.TextStyle
	legend.Color, legend.Font.Variant, legend.Font.Size = ink, "Sans", 10
	// At the left the texts end freely: a browser's font may be wider than the one that gonum
	// measures.
	p.Legend.Top, p.Legend.Left, p.Legend.Padding, p.Legend.ThumbnailWidth = true, true, 3, 16
	return p
}

// shortTicks are gonum's ticks without zeros behind the point: 2500 for 2500.00.
type shortTicks struct{ plot.DefaultTicks }

func (s shortTicks) Ticks(low, high float64) []plot.Tick {
	ticks := s.DefaultTicks.Ticks(low, high)
	for i, t := range ticks {
		if strings.Contains(t.Label, ".") && !strings.Contains(t.Label, "e") {
			ticks[i].Label = strings.TrimRight(strings.TrimRight(t.Label, "0"), ".")
		}
	}
	return ticks
}

// drawing returns the graph with its title for the inside of a page.
func (g graph) drawing(caption string) drawing {
	d := drawing{Drawing: g.html(), Caption: caption}
	if g.plot != nil {
		d.Title = g.alt
	}
	return d
}

// html draws the graph for the inside of a page.
func (g graph) html() template.HTML {
	if g.plot == nil {
		return execute("notice", g.alt)
	}
	c := vgsvg.New(g.w, g.h)
	g.plot.Draw(draw.Crop(draw.New(c), 0, -6, 0, -2)) // what lies on the last tick must not be cut
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		panic(err) // a buffer takes everything
	}
	// The page gives the drawing its size, and needs no XML declaration.
	_, inside, _ := strings.Cut(b.String(), "<svg")
	_, inside, _ = strings.Cut(inside, ">")
	begin := fmt.Sprintf(`<svg role="img" aria-label="%s" viewBox="0 0 %g %g">`,
		template.HTMLEscapeString(g.alt), g.w.Points(), g.h.Points())
	return template.HTML(begin +
		themed.Replace(strings.TrimSpace(inside)))
}

// A curve is a named row of values, one an epoch.
type curve struct {
	name   string
	values []float64
}

// losses draws curves over the epochs, counted from 1, and a line behind each epoch of marks. It
// leaves out values that are not finite. If the values differ much, as after a first epoch from
// chance, their axis is logarithmic.
func losses(alt string, curves []curve, marks ...int) graph {
	const much = 20
	p := newPlot("epoch", "loss")
	p.Add(grid())
	epochs := 1
	low, high := math.Inf(1), math.Inf(-1)
	for i, c := range curves {
		epochs = max(epochs, len(c.values))
		var points plotter.XYs
		for e, v := range c.values {
			if !math.IsNaN(v) && !math.IsInf(v, 0) {
				points = append(points, plotter.XY{X: float64(e + 1), Y: v})
				low, high = min(low, v), max(high, v)
			}
		}
		if len(points) == 0 {
			continue
		}
		line, dots, err := plotter.NewLinePoints(points)
		if err != nil {
			panic(err) // all values are finite
		}
		line.Color, line.Width = series[i], 1.6
		dots.Color, dots.Shape, dots.Radius = series[i], draw.CircleGlyph{}, 2
		p.Add(line, dots)
		p.Legend.Add(c.name, line)
	}
	p.Legend.XOffs = 240 // losses start at the top left
	if low > high {
		return graph{alt: "No loss is a finite number."}
	}
	p.X.Tick.Marker = every(float64((epochs+9)/10), 1, float64(epochs))
	if low > 0 && high/low >= much {
		p.Y.Label.Text = "loss (logarithmic)"
		p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, decades(low, high)
	} else {
		p.Y.Min = min(p.Y.Min, 0)
	}
	for _, m := range marks {
		x := float64(m) + 0.5
		line, err := plotter.NewLine(plotter.XYs{{X: x, Y: p.Y.Min}, {X: x, Y: p.Y.Max}})
		if err != nil {
			panic(err) // all values are finite
		}
		line.Color, line.Dashes = ink, []vg.Length{3, 3}
		p.Add(line)
	}
	return graph{p, 420, 250, alt}
}

// decades returns ticks from low to high, which are positive, for a logarithmic axis. They stand at
// 1, 2 and 5 times powers of 10 or, if these are many, at powers of 10 far enough apart.
func decades(low, high float64) plot.ConstantTicks {
	first, last := decade(low), decade(high)+1
	digits, step := []int{1, 2, 5}, 1
	if last-first > 3 {
		digits, step = digits[:1], (last-first+7)/8
	}
	var ticks plot.ConstantTicks
	for power := first; power <= last; power += step {
		for _, d := range digits {
			// Read from text, the value is the nearest to the label's.
			v, err := strconv.ParseFloat(fmt.Sprintf("%de%d", d, power), 64)
			if err == nil && v >= low && v <= high {
				ticks = append(ticks, plot.Tick{Value: v, Label: strconv.FormatFloat(v, 'g', -1, 64)})
			}
		}
	}
	return ticks
}

// decade returns the exponent of the greatest power of 10 that is at most v, which is positive.
// math.Log10 is computed differently on different processors.
func decade(v float64) int {
	_, exponent, _ := strings.Cut(strconv.FormatFloat(v, 'e', -1, 64), "e")
	n, err := strconv.Atoi(exponent)
	if err != nil {
		panic(err) // v is finite
	}
	return n
}

func grid() *plotter.Grid {
	g := plotter.NewGrid()
	g.Vertical.Color, g.Horizontal.Color = faint, faint
	return g
}

// every returns ticks at the multiples of step from low to high.
func every(step, low, high float64) plot.ConstantTicks {
	var ticks plot.ConstantTicks
	for i := math.Ceil(low / step); float64(i*step) <= high; i++ {
		v := float64(i * step)
		ticks = append(ticks, plot.Tick{Value: v, Label: strconv.FormatFloat(v, 'g', 3, 64)})
	}
	return ticks
}

// binned counts the values in bins equal parts of [low, high). The last part has those from high
// on, too.
func binned(values []float64, low, high float64, bins int) []int {
	count := make([]int, bins)
	width := (high - low) / float64(bins)
	for _, v := range values {
		count[max(0, min(bins-1, int((v-low)/width)))]++
	}
	return count
}

// histogram draws the counts in equal parts of [low, high) as bars. The axis leaves room for a
// count of top.
func histogram(alt, x, y string, counts []int, low, high float64, top, colour int) graph {
	h := &plotter.Histogram{
		Bins: make([]plotter.HistogramBin, len(counts)), FillColor: series[colour],
	}
	h.Width = (high - low) / float64(len(counts))
	for i, n := range counts {
		h.Bins[i].Min = low + float64(float64(i)*h.Width)
		h.Bins[i].Max = low + float64(float64(i+1)*h.Width)
		h.Bins[i].Weight = float64(n)
	}
	p := newPlot(x, y)
	p.Add(grid(), h)
	p.Y.Min, p.Y.Max = 0, 1.05*float64(top)
	return graph{p, 420, 220, alt}
}

// bars draws one bar for each of the groups' values over the numbers 0, 1, …
func bars(alt, x, y string, names []string, groups [][]int) graph {
	p := newPlot(x, y)
	p.Add(grid())
	width := vg.Length(300) / vg.Length(len(groups)*len(groups[0])+len(groups[0]))
	labels := make([]string, len(groups[0]))
	for i := range labels {
		labels[i] = fmt.Sprint(i)
	}
	for g, counts := range groups {
		values := make(plotter.Values, len(counts))
		for i, n := range counts {
			values[i] = float64(n)
		}
		chart, err := plotter.NewBarChart(values, width)
		if err != nil {
			panic(err) // all values are finite
		}
		chart.Color, chart.LineStyle.Width = series[g], 0
		chart.Offset = width * (vg.Length(g) - vg.Length(vg.Length(len(groups)-1)/2))
		p.Add(chart)
		p.Legend.Add(names[g], chart)
	}
	p.NominalX(labels...)
	p.Y.Min = 0
	p.Y.Max *= 1.25 // room for the legend
	return graph{p, 420, 240, alt}
}

// silhouettes draws the values of each cluster as a band of horizontal bars, sorted, the largest on
// top, as in Rousseeuw 1987, figure 2. It draws evenly spread images of a band that has more images
// than lines. The axis goes from low to high. silhouettes sorts the values in their place.
func silhouettes(
	alt string, names []string, clusters [][]float64, average, low, high float64,
) graph {
	const lines, gap = 420, 8
	total := 0
	for _, c := range clusters {
		total += len(c)
	}
	p := newPlot("silhouette", "cluster")
	p.Add(grid())
	var ticks []plot.Tick
	y := 0.0
	apart := (len(clusters) + 24) / 25 // the tick labels must not touch
	for i, c := range clusters {
		c = slices.DeleteFunc(c, func(v float64) bool { return !isFinite(v) })
		slices.Sort(c)
		slices.Reverse(c)
		height := max(1, len(c)*lines/max(total, 1))
		if i%apart == 0 {
			middle := y - float64(float64(height)/2)
			ticks = append(ticks, plot.Tick{Value: middle, Label: names[i]})
		}
		if len(c) > 0 {
			band := plotter.XYs{{X: 0, Y: y}}
			for l := range height {
				v := c[l*len(c)/height]
				band = append(band, plotter.XY{X: v, Y: y - float64(l)}, plotter.XY{X: v, Y: y - float64(l+1)})
			}
			band = append(band, plotter.XY{X: 0, Y: y - float64(height)})
			polygon, err := plotter.NewPolygon(band)
			if err != nil {
				panic(err) // all values are finite
			}
			polygon.Color, polygon.LineStyle.Width = series[i%len(series)], 0
			p.Add(polygon)
		}
		y -= float64(height + gap)
	}
	mean, err := plotter.NewLine(plotter.XYs{{X: average, Y: 0}, {X: average, Y: y}})
	if err == nil { // else the average is NaN
		mean.Color, mean.Dashes = ink, []vg.Length{3, 3}
		p.Add(mean)
	}
	p.X.Min, p.X.Max = low, high
	p.X.Tick.Marker = every(0.2, -1, 1)
	p.Y.Tick.Marker = plot.ConstantTicks(ticks)
	p.Y.Tick.LineStyle.Width = 0
	return graph{p, 420, 360, alt}
}

// finite returns the finite values, in their order.
func finite(values []float64) []float64 {
	var f []float64
	for _, v := range values {
		if isFinite(v) {
			f = append(f, v)
		}
	}
	return f
}

func isFinite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
