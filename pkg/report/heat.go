package report

import (
	"cmp"
	"fmt"
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"
)

const (
	// maxHeat is the largest number of rows and of columns of a table of counts.
	maxHeat = 64
	// maxTable is the largest number of columns of a table of counts that stands on the page at once.
	// A larger one is drawn, so that it fits a phone, and unfolds.
	maxTable = 12
)

// A heatMap is a table of counts. The colour of a cell is the stronger, the larger its share of
// its row.
type heatMap struct {
	Title         string // for those who do not see it
	Caption       string
	Down, Across  string // what the rows and the columns are
	Rows, Columns []heading
	Count         [][]int
	Diagonal      bool // the counts on the diagonal are right and have another colour

	sums  []int   // of the rows
	wrong float64 // largest share of a row beside the diagonal
}

// A heading names a row or a column. It may have a picture.
type heading struct {
	Name    string
	Picture template.URL
	Alt     string
}

// texts returns headings without pictures.
func texts(names []string) []heading {
	h := make([]heading, len(names))
	for i, name := range names {
		h[i].Name = name
	}
	return h
}

// html returns the table. Its large form is a drawing above a table that unfolds.
func (h heatMap) html() template.HTML {
	h = h.measured()
	return execute("heat", map[string]any{
		"Map":     h,
		"Drawing": h.drawing(),
		"Table":   len(h.Rows) <= maxHeat && len(h.Columns) <= maxHeat,
		"Fold":    len(h.Columns) > maxTable,
		"Most":    maxHeat,
	})
}

// measured returns the map with its sums and its largest share beside the diagonal.
func (h heatMap) measured() heatMap {
	h.sums = make([]int, len(h.Count))
	for i, row := range h.Count {
		for _, n := range row {
			h.sums[i] += n
		}
		for j, n := range row {
			if h.Diagonal && i != j && n > 0 {
				h.wrong = max(h.wrong, float64(n)/float64(h.sums[i]))
			}
		}
	}
	return h
}

// A cell is the look of one count.
type cell struct {
	Class string
	Share template.CSS
	Text  string // the count
	Part  string // its share of the row
}

// Shade returns the look of a cell. The strength of its colour is the square root of its share of
// the row, so that few images among many can still be seen. Beside a diagonal the largest share has
// the full colour.
func (h heatMap) Shade(i, j int) cell {
	n := h.Count[i][j]
	if n == 0 {
		return cell{Class: "none"}
	}
	share, class := h.strength(i, j)
	if share > 0.6 {
		class += " strong"
	}
	return cell{
		class, template.CSS(strconv.FormatFloat(share, 'f', 3, 64)), count(n), percent(n, h.sums[i]),
	}
}

// strength returns how strong the colour of a count is, 0 to 1, and its kind: share, right or
// wrong.
func (h heatMap) strength(i, j int) (strength float64, kind string) {
	part := float64(h.Count[i][j]) / float64(h.sums[i])
	switch {
	case h.Diagonal && i == j:
		return math.Sqrt(part), "right"
	case h.Diagonal:
		return math.Sqrt(part / h.wrong), "wrong"
	}
	return math.Sqrt(part), "share"
}

// drawing returns a map of many columns as a drawing, which fits any width. It returns "" if there
// are few.
func (h heatMap) drawing() template.HTML {
	if len(h.Columns) <= maxTable {
		return ""
	}
	const side = 10 // of a cell
	// In a narrow window the longest name is as wide as 17 thousandths of the drawing a digit.
	digits := 0
	for _, r := range h.Rows {
		digits = max(digits, len(r.Name))
	}
	margin := max(20, 8+digits*side*len(h.Columns)*17/1000) // for the names
	w, height := margin+side*len(h.Columns), margin+side*len(h.Rows)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="matrix" role="img" aria-label="%s" viewBox="0 0 %d %d" `+
		`style="--units:%d">`, template.HTMLEscapeString(h.Title), w, height, w)
	name := func(k, all, x, y int, text, anchor string) {
		class := "major"
		if k%((all+12)/13) != 0 {
			class = "minor"
		}
		fmt.Fprintf(&b, `<text class="%s" x="%d" y="%d" text-anchor="%s">%s</text>`,
			class, x, y, anchor, template.HTMLEscapeString(text))
	}
	for j, c := range h.Columns {
		name(j, len(h.Columns), margin+side*j+side/2, margin-4, c.Name, "middle")
	}
	fmt.Fprintf(&b, `<rect class="field" x="%d" y="%d" width="%d" height="%d"/>`,
		margin, margin, side*len(h.Columns), side*len(h.Rows))
	for i, r := range h.Rows {
		name(i, len(h.Rows), margin-3, margin+side*i+side-2, r.Name, "end")
		for j, n := range h.Count[i] {
			if n == 0 {
				continue
			}
			c := h.Shade(i, j)
			class, _, _ := strings.Cut(c.Class, " ")
			fmt.Fprintf(&b, `<rect class="%s" x="%d" y="%d" width="9" height="9" fill-opacity="%s">`+
				`<title>%s %s, %s %s: %s, %s</title></rect>`, class, margin+side*j, margin+side*i, c.Share,
				template.HTMLEscapeString(h.Down), template.HTMLEscapeString(r.Name),
				template.HTMLEscapeString(h.Across), template.HTMLEscapeString(h.Columns[j].Name),
				c.Text, c.Part)
		}
	}
	b.WriteString("</svg>")
	return template.HTML(b.String())
}

// confused returns the largest counts beside the diagonal as a table, at most most of them.
func (h heatMap) confused(most int) Table {
	type pair struct{ i, j int }
	var pairs []pair
	sums := make([]int, len(h.Rows))
	for i, row := range h.Count {
		for j, n := range row {
			sums[i] += n
			if i != j && n > 0 {
				pairs = append(pairs, pair{i, j})
			}
		}
	}
	slices.SortStableFunc(pairs, func(a, b pair) int {
		return cmp.Compare(h.Count[b.i][b.j], h.Count[a.i][a.j])
	})
	t := Table{
		Caption: "The most frequent mistakes.",
		Head:    []string{h.Down, h.Across, "images", "of the images of the class"},
	}
	for _, p := range pairs[:min(len(pairs), most)] {
		n := h.Count[p.i][p.j]
		t.Rows = append(t.Rows, []string{
			h.Rows[p.i].Name, h.Columns[p.j].Name, count(n), percent(n, sums[p.i]),
		})
	}
	return t
}
