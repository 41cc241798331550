package main

import "testing"

func TestCorrectness(t *testing.T) {
	dataLabels := []uint8{7, 7, 3, 3, 7}
	for _, c := range []struct {
		name        string
		queryLabels []uint8
		neighbours  []int32
		want        float64
	}{
		{"all right", []uint8{7, 3}, []int32{0, 1, 3, 2}, 1},
		{"one of two queries", []uint8{7, 3}, []int32{0, 4, 3, 0}, 0.5},
		{"one neighbour of three wrong", []uint8{7}, []int32{0, 4, 2}, 0},
		{"nobody right", []uint8{7}, []int32{2, 3}, 0},
	} {
		got := correctness(c.queryLabels, dataLabels, len(c.neighbours), func(i int) int32 { return c.neighbours[i] })
		if got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
