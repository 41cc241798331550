package plane

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

// The components of gonum are the oracle: places agree up to the sign of a direction.
func TestPCA(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, d := range []int{2, 3, 10, 40} {
		vectors := make([][]float32, 150)
		x := mat.NewDense(len(vectors), d, nil)
		for r := range vectors {
			hidden := [2]float64{rng.NormFloat64(), rng.NormFloat64()}
			for j := range d {
				v := float32(5 + 3*math.Sin(float64(j))*hidden[0] + 1.5*math.Cos(3*float64(j))*hidden[1] +
					0.2*rng.NormFloat64())
				vectors[r] = append(vectors[r], v)
				x.Set(r, j, float64(v))
			}
		}
		got, share := PCA(vectors)
		var pc stat.PC
		if !pc.PrincipalComponents(x, nil) {
			t.Fatal("gonum found no components")
		}
		var axes mat.Dense
		pc.VectorsTo(&axes)
		variance := pc.VarsTo(nil)
		total := 0.0
		for _, v := range variance {
			total += v
		}
		for c := range 2 {
			if want := variance[c] / total; math.Abs(share[c]-want) > 1e-9 {
				t.Errorf("d = %d: component %d holds %v of the variance, want %v", d, c, share[c], want)
			}
			mean := 0.0
			place := make([]float64, len(vectors))
			for r := range vectors {
				place[r] = mat.Dot(x.RowView(r), axes.ColView(c))
				mean += place[r] / float64(len(vectors))
			}
			sign := math.Copysign(1, (place[0]-mean)*got[0][c])
			for r := range vectors {
				if want := sign * (place[r] - mean); math.Abs(got[r][c]-want) > 1e-6 {
					t.Fatalf("d = %d: point %d lies at %v, want %v", d, r, got[r][c], want)
				}
			}
		}
	}
}

func TestPCAOfFewDirections(t *testing.T) {
	for name, test := range map[string]struct {
		vectors [][]float32
		share   float64
	}{
		"one dimension": {[][]float32{{1}, {5}, {9}, {3}}, 1},
		"on a line":     {[][]float32{{0, 0, 0}, {10, 20, 30}, {20, 40, 60}, {5, 10, 15}}, 1},
		"one place":     {[][]float32{{7, 7}, {7, 7}, {7, 7}}, 1},
	} {
		got, share := PCA(test.vectors)
		if math.Abs(share[0]-test.share) > 1e-12 || share[1] > 1e-12 {
			t.Errorf("%s: share %v, want %v", name, share, test.share)
		}
		for i := range got {
			for j := range i {
				want := 0.0
				for c := range test.vectors[i] {
					want = math.Hypot(want, float64(test.vectors[i][c]-test.vectors[j][c]))
				}
				if d := math.Hypot(got[i][0]-got[j][0], got[i][1]-got[j][1]); math.Abs(d-want) > 1e-9 {
					t.Errorf("%s: points %d and %d are %v apart, want %v", name, i, j, d, want)
				}
			}
		}
	}
}
