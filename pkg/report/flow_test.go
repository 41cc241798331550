package report

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"imagesimilarity/pkg/emd"
	"imagesimilarity/pkg/results"
)

// The drawing has a wedge for each move and a dot for each cell in which something stays.
func TestFlowDrawing(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	data := Images{noise(4, 28, 28, rng).Sample(), []uint8{7, 7, 9, 8}}
	queries := Images{noise(2, 28, 28, rng).Sample(), []uint8{7, 9}}
	flow, err := emd.NewFlow(queries.At(1), data.At(2), 28, 28, 7)
	if err != nil {
		t.Fatal(err)
	}
	stay := 0
	for _, m := range flow.Moves {
		if m.From == m.To {
			stay++
		}
	}
	rank := func(index ...int64) results.Ranking {
		return results.NewRanking(1, 2, index, make([]float64, 4), queries.Labels, data.Labels, true)
	}
	p := &Page{}
	p.AddEMD(&results.EMD{}, &results.EMDRound{
		Neighbours: 2, EMD: rank(0, 1, 2, 3), Manhattan: rank(2, 0, 1, 2),
		Flows: []results.Flow{results.NewFlow(1, 2, flow)},
	}, data, queries)
	check(t, rendered(t, p))
	if f := p.figures[len(p.figures)-1]; f.name != "flow-1-2" {
		t.Errorf("the last figure is %s, want the flow", f.name)
	}
	s := p.sections[len(p.sections)-1]
	body := string(s.Body)
	if s.ID != "flows" || !strings.Contains(body, "nearest by Earth Mover&#39;s Distance") ||
		strings.Contains(body, "Manhattan") {
		t.Errorf("section %s: %.300s", s.ID, body)
	}
	if got := strings.Count(body, `class="stay"`); got != stay {
		t.Errorf("%d dots, want %d", got, stay)
	}
	if got, want := strings.Count(body, `class="move"`), len(flow.Moves)-stay; got != want {
		t.Errorf("%d wedges, want %d", got, want)
	}
	if n := len(regexp.MustCompile(`<rect class="share"`).FindAllString(body, -1)); n != 32 {
		t.Errorf("%d cells with a colour, want all of both images", n)
	}
}
