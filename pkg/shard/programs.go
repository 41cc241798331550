package shard

import (
	"fmt"
	"math"

	"imagesimilarity/pkg/nearest"
	"imagesimilarity/pkg/results"
)

// Search returns what search finds: the nearest image of each query in three ways. Its times are
// the seconds that all workers together took.
func (r Result) Search() (*results.SearchRound, error) {
	exact, err := r.nearest("exact", false)
	if err != nil {
		return nil, err
	}
	reduced, err := r.nearest("latent", true)
	if err != nil {
		return nil, err
	}
	lsh, err := r.nearest("lsh", false)
	if err != nil {
		return nil, err
	}
	if len(reduced.Index) != len(exact.Index) || len(lsh.Index) != len(exact.Index) {
		return nil, fmt.Errorf("answers to %d, %d and %d queries; expected equally many",
			len(exact.Index), len(reduced.Index), len(lsh.Index))
	}
	round := results.NewSearchRound(reduced, lsh, exact)
	compared, err := r.counts("lsh-compared", 2)
	if err != nil {
		return nil, err
	}
	round.Compared = results.Number(float64(compared[0]) /
		(float64(compared[1]) * float64(len(exact.Index))))
	return round, nil
}

// EMD returns what search -EMD finds: the nearest images of each query by both distances. The
// labels are those of the queries and of all images.
func (r Result) EMD(queryLabels, dataLabels []uint8, textbook bool) (*results.EMDRound, error) {
	byEMD, err := lists[float64](r, "emd")
	if err != nil {
		return nil, err
	}
	manhattan, err := lists[int64](r, "exact")
	if err != nil {
		return nil, err
	}
	if byEMD.Queries != len(queryLabels) || manhattan.Queries != len(queryLabels) {
		return nil, fmt.Errorf("answers to %d and %d queries; expected %d, one for each label",
			byEMD.Queries, manhattan.Queries, len(queryLabels))
	}
	if byEMD.K != manhattan.K {
		return nil, fmt.Errorf("answers with %d and %d neighbours; expected equally many",
			byEMD.K, manhattan.K)
	}
	round := &results.EMDRound{Neighbours: min(byEMD.K, len(dataLabels))}
	round.EMD, err = ranking(byEMD, round.Neighbours, queryLabels, dataLabels, textbook)
	if err != nil {
		return nil, err
	}
	round.Manhattan, err = ranking(manhattan, round.Neighbours, queryLabels, dataLabels, textbook)
	return round, err
}

// ranking judges the neighbours of queries, k for each.
func ranking[D nearest.Distance](l *Lists[D], k int, queryLabels, dataLabels []uint8,
	textbook bool) (results.Ranking, error) {

	var index []int64
	var distance []float64
	for q, list := range l.Of {
		if len(list) != k {
			return results.Ranking{}, fmt.Errorf("query %d has %d neighbours; expected %d",
				q, len(list), k)
		}
		for _, f := range list {
			if f.Index >= int64(len(dataLabels)) {
				return results.Ranking{}, fmt.Errorf("there are labels for %d images, but image %d "+
					"is a neighbour", len(dataLabels), f.Index)
			}
			index, distance = append(index, f.Index), append(distance, float64(f.Distance))
		}
	}
	return results.NewRanking(0, k, index, distance, queryLabels, dataLabels, textbook), nil
}

// nearest returns the nearest image of each query that a stage found. original selects which
// distance is told: that in the original space or that by which the stage searched.
func (r Result) nearest(stage string, original bool) (n results.Nearest, err error) {
	l, err := lists[int64](r, stage)
	if err != nil {
		return n, err
	}
	if l.K != 1 {
		return n, fmt.Errorf("answers of the stage %q have %d neighbours; expected 1", stage, l.K)
	}
	time, err := r.counts(stage+"-time", 1)
	if err != nil {
		return n, err
	}
	n.Seconds = results.Number(float64(time[0]) / 1e6)
	for _, list := range l.Of {
		index, distance := int64(-1), math.NaN()
		if len(list) > 0 {
			index, distance = list[0].Index, float64(list[0].Distance)
			if original {
				distance = float64(list[0].Original)
			}
		}
		n.Index, n.Distance = append(n.Index, index), append(n.Distance, distance)
	}
	return n, nil
}

// counts returns the n counts of a stage.
func (r Result) counts(stage string, n int) ([]uint64, error) {
	answers, err := r.answers(stage)
	if err != nil {
		return nil, err
	}
	from := reader{b: answers[0].Value}
	counts := make([]uint64, n)
	for i := range counts {
		counts[i] = from.uvarint()
	}
	if from.bad || len(from.b) > 0 {
		return nil, fmt.Errorf("%s: the value is not the expected number of counts, %d",
			answers[0].Key(), n)
	}
	return counts, nil
}
