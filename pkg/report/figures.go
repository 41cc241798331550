package report

import (
	"errors"
	"fmt"
	"image/color"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/outfile"
)

// A figure is a graph of a page with the name of its files.
type figure struct {
	name string
	graph
}

// keep remembers a graph of the present round for the files.
func (p *Page) keep(name string, g graph) {
	if g.plot == nil || p.full {
		return
	}
	if p.rounds > 1 {
		name = fmt.Sprintf("%s-%d", name, p.rounds)
	}
	p.figures = append(p.figures, figure{name, g})
}

// Figures returns the names of the files of all graphs on the page, two each, in the folder dir.
func (p *Page) Figures(dir string) []string {
	var names []string
	for _, f := range p.figures {
		for _, kind := range []string{".png", ".svg"} {
			names = append(names, filepath.Join(dir, f.name+kind))
		}
	}
	return names
}

// AddFigures adds the files that Figures names to a group. They show the graphs in light colours.
func (p *Page) AddFigures(files *outfile.Group, dir string) {
	// Another program that made the empty folder may have removed it at its end. If it cannot be made
	// again, the group tells so.
	outfile.MakeFolder(dir)
	for _, f := range p.figures {
		files.Add(filepath.Join(dir, f.name+".png"), f.writePNG)
		files.Add(filepath.Join(dir, f.name+".svg"), f.writeSVG)
	}
}

// A picture has dpi dots an inch, or fewer if it would have more than mostDots otherwise.
const (
	dpi      = 192
	mostDots = 1 << 21
)

func (f figure) writePNG(w io.Writer) error {
	width, height := f.size()
	dots := math.Sqrt(mostDots / float64(width.Dots(1)*height.Dots(1)))
	c := vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(min(dpi, int(dots))))
	f.draw(c)
	return png.Encode(w, c.Image())
}

func (f figure) writeSVG(w io.Writer) error {
	c := vgsvg.New(f.size())
	f.draw(c)
	_, err := c.WriteTo(w)
	return err
}

// titleHeight is the room above a graph for its title, which a page has in another place.
const titleHeight = 24

func (f figure) size() (w, h vg.Length) { return f.w + 12, f.h + titleHeight }

// draw draws the graph with its title on white.
func (f figure) draw(on vg.CanvasSizer) {
	c := draw.New(light{on})
	c.SetColor(color.White)
	c.Fill(c.Rectangle.Path())
	title := &f.plot.Title
	title.Text, title.TextStyle.Color, title.Padding = f.alt, ink, 6
	title.TextStyle.Font.Variant, title.TextStyle.Font.Size = "Sans", 11
	f.plot.Draw(draw.Crop(c, 6, -8, 4, -6))
	title.Text = ""
}

// light is a canvas in the light colours of the style sheet.
type light struct{ vg.CanvasSizer }

// SetColor takes a stand-in for the colour that it stands for.
func (l light) SetColor(c color.Color) {
	if c, ok := lightColours[c]; ok {
		l.CanvasSizer.SetColor(c)
		return
	}
	l.CanvasSizer.SetColor(c)
}

// lightColours are the colours of the style sheet for a light page, by stand-in.
var lightColours = func() map[color.Color]color.Color {
	m := map[color.Color]color.Color{ink: lightColour("ink"), faint: lightColour("faint")}
	for i, c := range series {
		m[c] = lightColour(fmt.Sprint("c", i))
	}
	return m
}()

// lightColour returns a colour of the style sheet, whose light page comes first.
func lightColour(name string) color.NRGBA {
	found := regexp.MustCompile(`--` + name + `: #([0-9a-f]{6});`).FindStringSubmatch(string(style))
	if found == nil {
		panic("report: the style sheet lacks the colour " + name)
	}
	v, err := strconv.ParseUint(found[1], 16, 32)
	if err != nil {
		panic(err) // six hexadecimal digits
	}
	return color.NRGBA{R: uint8(v >> 16), G: uint8(v >> 8), B: uint8(v), A: 255}
}

// graph returns the map as a plot. It has the counts as texts if they are few.
func (h heatMap) graph() graph {
	h = h.measured()
	side := vg.Length(26)
	if len(h.Columns) > maxTable {
		side = 9
	}
	p := newPlot(h.Across, h.Down)
	p.Add(heatPlot{h})
	p.X.Tick.Marker = named(h.Columns, func(j int) float64 { return float64(j) + 0.5 })
	p.Y.Tick.Marker = named(h.Rows, func(i int) float64 { return float64(len(h.Rows)-i) - 0.5 })
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Tick.Length = 0
	}
	wide, high := side*vg.Length(len(h.Columns)), side*vg.Length(len(h.Rows))
	return graph{p, 70 + vg.Length(wide), 50 + vg.Length(high), h.Title}
}

// named returns ticks with the names of headings, some left out if there are many.
func named(headings []heading, place func(i int) float64) plot.ConstantTicks {
	var ticks plot.ConstantTicks
	apart := 1
	if len(headings) > maxTable {
		apart = (len(headings) + 12) / 13
	}
	for i := 0; i < len(headings); i += apart {
		ticks = append(ticks, plot.Tick{Value: place(i), Label: headings[i].Name})
	}
	return ticks
}

// A heatPlot draws the cells of a heat map.
type heatPlot struct{ heatMap }

// Plot draws a square for each count.
func (h heatPlot) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	text := p.X.Tick.Label
	text.Font.Size, text.XAlign, text.YAlign = 8, draw.XCenter, draw.YCenter
	for i, row := range h.Count {
		top := float64(len(h.Count) - i)
		for j, n := range row {
			if n == 0 {
				continue
			}
			left := float64(j)
			c.FillPolygon(h.colour(i, j), []vg.Point{
				{X: x(left), Y: y(top)}, {X: x(left + 1), Y: y(top)},
				{X: x(left + 1), Y: y(top - 1)}, {X: x(left), Y: y(top - 1)},
			})
			if len(h.Columns) <= maxTable {
				c.FillText(text, vg.Point{X: x(left + 0.5), Y: y(top - 0.5)}, strconv.Itoa(n))
			}
		}
	}
}

// DataRange returns the extent of the squares.
func (h heatPlot) DataRange() (xmin, xmax, ymin, ymax float64) {
	return 0, float64(len(h.Columns)), 0, float64(len(h.Rows))
}

// colour returns the colour of a cell.
func (h heatMap) colour(i, j int) color.NRGBA {
	share, kind := h.strength(i, j)
	return paler(map[string]string{"share": "heat", "right": "right", "wrong": "wrong"}[kind], share)
}

// paler mixes white with a colour of the style sheet. Its part is two thirds of share, which is at
// most 1, so that black text stays legible.
func paler(name string, share float64) color.NRGBA {
	const most = 2. / 3
	c := lightColour(name)
	mix := func(v uint8) uint8 {
		return uint8(math.Round(255 - float64(share*most*float64(255-v))))
	}
	return color.NRGBA{R: mix(c.R), G: mix(c.G), B: mix(c.B), A: 255}
}

var _ plot.Plotter = heatPlot{}
var _ plot.DataRanger = heatPlot{}

// Bytes that are needed to make a page, for the images that a reader can ask about and the picture
// of them, and to draw a figure.
const (
	pageSize   = 20 << 20
	figureSize = 24 << 20
)

// CheckMemory returns an error if there is no memory to make a page, if it is wanted, or the files
// of its graphs, when more bytes are in use than now.
func CheckMemory(page, figures bool, more float64) error {
	if page {
		if err := memory.CheckLater(more, pageSize, "making a page needs"); err != nil {
			return err
		}
	}
	if figures {
		return memory.CheckLater(more, figureSize, "drawing the plots needs")
	}
	return nil
}

// CheckFigures makes the folder dir for the files of the graphs, unless it is there; if nothing is
// written into it, it does not outlive the program. CheckFigures returns an error if no file can be
// written there, or if one of the named files lies there and is a .png or .svg file, as the graphs
// are. It does nothing if dir is "".
func CheckFigures(dir string, names ...string) error {
	if dir == "" {
		return nil
	}
	if err := outfile.MakeFolder(dir); err != nil {
		return err
	}
	if err := (outfile.Guard{}).Check(nil, filepath.Join(dir, "figure.png")); err != nil {
		return err
	}
	folder, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("cannot write the plots to %s: %w", dir, errors.Unwrap(err))
	}
	for _, name := range names {
		kind := strings.ToLower(filepath.Ext(name))
		in, err := os.Stat(filepath.Dir(name))
		if (kind == ".png" || kind == ".svg") && err == nil && os.SameFile(in, folder) {
			return fmt.Errorf("cannot write the plots to %s: %s is in that folder, too; expected a folder "+
				"without other %s files", dir, name, kind)
		}
	}
	return nil
}
