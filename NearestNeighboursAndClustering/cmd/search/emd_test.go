package main

import "testing"

func TestCorrectness(t *testing.T) {
	dataLabels := []uint8{7, 7, 3, 3, 7}
	for _, c := range []struct {
		name           string
		queryLabels    []uint8
		neighbours     []int32
		want, textbook float64
	}{
		{"all right", []uint8{7, 3}, []int32{0, 1, 3, 2}, 1, 1},
		{"one of two queries", []uint8{7, 3}, []int32{0, 4, 3, 0}, 0.5, 0.75},
		{"one neighbour of four wrong", []uint8{7}, []int32{0, 4, 2, 1}, 0, 0.75},
		{"nobody right", []uint8{7}, []int32{2, 3}, 0, 0},
	} {
		for textbook, want := range map[bool]float64{false: c.want, true: c.textbook} {
			got := correctness(c.queryLabels, dataLabels, len(c.neighbours), func(i int) int32 { return c.neighbours[i] }, textbook)
			if got != want {
				t.Errorf("%s, textbook %v: %v, want %v", c.name, textbook, got, want)
			}
		}
	}
}
