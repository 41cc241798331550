package emd

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestLevels(t *testing.T) {
	g, err := newGrid(4, 6, 2)
	if err != nil {
		t.Fatal(err)
	}
	image := []uint8{
		1, 2, 0, 0, 9, 0,
		3, 4, 0, 1, 0, 0,
		0, 0, 255, 255, 7, 7,
		0, 0, 255, 255, 7, 7,
	}
	levels := slices.Repeat([]int32{99}, g.cells)
	total := g.levels(levels, image)
	if want := []int32{10, 1, 9, 0, 1020, 28}; !slices.Equal(levels, want) || total != 1068 {
		t.Errorf("levels %v, total %d; want %v, 1068", levels, total, want)
	}
}

// Cells of all sizes have the sums of their pixels, in white and in random images.
func TestLevelsOfEverySize(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for cell := range 70 {
		for range 4 {
			g, err := newGrid((cell+1)*(1+random.IntN(3)), (cell+1)*(1+random.IntN(3)), cell+1)
			if err != nil {
				t.Fatal(err)
			}
			rows, cols := g.high*g.cell, g.wide*g.cell
			white := slices.Repeat([]uint8{255}, rows*cols)
			any := make([]uint8, rows*cols)
			for i := range any {
				any[i] = uint8(random.IntN(256))
			}
			for _, image := range [][]uint8{white, any} {
				want, all := make([]int32, g.cells), int32(0)
				for i, v := range image {
					want[i/cols/g.cell*g.wide+i%cols/g.cell] += int32(v)
					all += int32(v)
				}
				got := make([]int32, g.cells)
				if total := g.levels(got, image); total != all || !slices.Equal(got, want) {
					t.Errorf("%dx%d pixels in cells of %d: levels %v, total %d; want %v, %d",
						rows, cols, g.cell, got, total, want, all)
				}
			}
		}
	}
}

func TestLengths(t *testing.T) {
	for x := range 60 {
		for y := range 60 {
			got, want := float64(fixedLength(x, y))/(1<<fractionBits), math.Hypot(float64(x), float64(y))
			if math.Abs(got-want) > 1e-10 {
				t.Errorf("(%d, %d) has length %v, want %v", x, y, got, want)
			}
		}
	}
}

// Mass that two images share may stay in place only if no detour is shorter than the straight way.
// In integers this holds exactly.
func TestLengthsObeyTheTriangleInequality(t *testing.T) {
	for _, grid := range [][2]int{
		{1, 1024}, {2, 512}, {3, 341}, {4, 256}, {8, 128}, {16, 64}, {32, 32},
	} {
		high, wide := grid[0], grid[1]
		length := make([]int64, high*wide)
		for y := range high {
			for x := range wide {
				length[y*wide+x] = fixedLength(x, y)
			}
		}
		of := func(x, y int) int64 { return length[max(y, -y)*wide+max(x, -x)] }
		// The way from (0, 0) to (x, y), which lies right of and below it, goes by (u, v).
		for y := range high {
			for x := range wide {
				for v := 1 - high + y; v < high; v++ {
					for u := 1 - wide + x; u < wide; u++ {
						if detour := of(u, v) + of(x-u, y-v); of(x, y) > detour {
							t.Fatalf("%dx%d cells: (%d, %d) is longer than by (%d, %d)", high, wide, x, y, u, v)
						}
					}
				}
			}
		}
	}
}
