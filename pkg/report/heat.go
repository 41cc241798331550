package report

import (
	"fmt"
	"html/template"
	"math"
	"strconv"

	"imagesimilarity/pkg/results"
)

// maxHeat is the largest number of rows and of columns of a heat map. A larger one is neither
// legible nor small.
const maxHeat = results.MaxTable

// A heatMap is a table of counts. The colour of a cell is the stronger, the larger its share of
// its row.
type heatMap struct {
	Caption       string
	Corner        string // what rows and columns are
	Rows, Columns []string
	Count         [][]int
	Diagonal      bool // the counts on the diagonal are right and have another colour
}

func (h heatMap) html() template.HTML {
	if len(h.Rows) > maxHeat || len(h.Columns) > maxHeat {
		return execute("notice",
			fmt.Sprintf("The table is left out: it has more than %d rows or columns.", maxHeat))
	}
	return execute("heat", h)
}

// A cell is the look of one count.
type cell struct {
	Class string
	Share template.CSS
	Text  string
}

// shade colours a cell by the square root of its share of the row, so that few images among many
// can still be seen.
func shade(h heatMap, i, j int) cell {
	sum := 0
	for _, n := range h.Count[i] {
		sum += n
	}
	n := h.Count[i][j]
	if n == 0 {
		return cell{"none", "0", "·"}
	}
	share := math.Sqrt(float64(n) / float64(sum))
	class := "share"
	switch {
	case h.Diagonal && i == j:
		class = "right"
	case h.Diagonal:
		class = "wrong"
	}
	if share > 0.6 {
		class += " strong"
	}
	return cell{class, template.CSS(strconv.FormatFloat(share, 'f', 3, 64)), count(n)}
}
