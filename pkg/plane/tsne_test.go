package plane

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"imagesimilarity/pkg/memory/memorytest"
)

// groups returns n vectors around each of the given number of far centres in 10 dimensions.
func groups(centres, n int) (vectors [][]float32) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range centres {
		middle := make([]float32, 10)
		for j := range middle {
			middle[j] = float32(20 * rng.NormFloat64())
		}
		for range n {
			p := slices.Clone(middle)
			for j := range p {
				p[j] += float32(rng.NormFloat64())
			}
			vectors = append(vectors, p)
		}
	}
	return vectors
}

// square returns the squared distance of two vectors.
func square(vectors [][]float32) func(i, j int) float64 {
	return func(i, j int) float64 {
		sum := 0.0
		for c, v := range vectors[i] {
			sum += math.Pow(float64(v)-float64(vectors[j][c]), 2)
		}
		return sum
	}
}

// near returns the point of the plane that is nearest to point i.
func near(place [][2]float64, i int) int {
	best, least := -1, math.Inf(1)
	for j, at := range place {
		if d := math.Hypot(at[0]-place[i][0], at[1]-place[i][1]); j != i && d < least {
			best, least = j, d
		}
	}
	return best
}

func TestGroupsStayTogether(t *testing.T) {
	const centres, n = 6, 40
	place := TSNE(groups(centres, n))
	for i := range place {
		if j := near(place, i); i/n != j/n {
			t.Errorf("the neighbour of point %d of group %d is of group %d", i, i/n, j/n)
		}
	}
	for g := range centres {
		inside, outside := 0.0, math.Inf(1)
		for i := range place {
			for j := range n {
				at, of := place[i], place[g*n+j]
				d := math.Hypot(at[0]-of[0], at[1]-of[1])
				if i/n == g {
					inside = max(inside, d)
				} else {
					outside = min(outside, d)
				}
			}
		}
		if inside > 6*outside {
			t.Errorf("group %d is %v wide, and the next point is %v away", g, inside, outside)
		}
	}
}

// The gradient in the layout is the one of the paper: finite differences of the divergence agree.
func TestForcesAreTheGradient(t *testing.T) {
	n := 3 * 5
	p := affinities(n, square(groups(3, 5)))
	rng := rand.New(rand.NewPCG(2, 2))
	place := make([][2]float64, n)
	for i := range place {
		place[i] = [2]float64{rng.NormFloat64(), rng.NormFloat64()}
	}
	divergence := func() float64 {
		q, total := make([]float64, n*n), 0.0
		for i := range n {
			for j := range n {
				if i != j {
					d := math.Hypot(place[i][0]-place[j][0], place[i][1]-place[j][1])
					q[i*n+j] = 1 / (1 + d*d)
					total += q[i*n+j]
				}
			}
		}
		sum := 0.0
		for k, pk := range p {
			if pk > 0 {
				sum += pk * math.Log(pk/(q[k]/total))
			}
		}
		return sum
	}
	attraction, repulsion := make([][2]float64, n), make([][2]float64, n)
	weight := make([]float64, n)
	forces(p, place, attraction, repulsion, weight)
	total := 0.0
	for _, w := range weight {
		total += w
	}
	for i := range n {
		for c := range 2 {
			const h = 1e-5
			before := place[i][c]
			place[i][c] = before + h
			up := divergence()
			place[i][c] = before - h
			down := divergence()
			place[i][c] = before
			got, want := 4*(attraction[i][c]-repulsion[i][c]/total), (up-down)/(2*h)
			if math.Abs(got-want) > 1e-7 {
				t.Errorf("point %d: the slope is %v, want %v", i, got, want)
			}
		}
	}
}

func TestPerplexityIsTheWantedOne(t *testing.T) {
	n := 4 * 60
	distance := square(groups(4, 60))
	row, distances := make([]float64, n), make([]float64, n)
	for i := range n {
		for j := range n {
			distances[j] = distance(i, j)
		}
		bell(row, distances, i, perplexity)
		entropy, sum := 0.0, 0.0
		for j, p := range row {
			sum += p
			if p > 0 {
				entropy -= p * math.Log(p)
			}
			if j == i && p != 0 {
				t.Errorf("point %d is its own neighbour", i)
			}
		}
		if math.Abs(sum-1) > 1e-12 || math.Abs(math.Exp(entropy)-perplexity) > 1e-3 {
			t.Fatalf("point %d: sum %v, perplexity %v", i, sum, math.Exp(entropy))
		}
	}
}

func TestExp(t *testing.T) {
	for x := 0.0; x > -745; x -= 0.0137 {
		if got, want := exp(x), math.Exp(x); math.Abs(got-want) > 1e-15*want && x > -700 || got < 0 {
			t.Fatalf("exp(%v) = %v, want %v", x, got, want)
		}
	}
}

// The layout has the same bits, however many cores share the work, and on every processor.
func TestSameBits(t *testing.T) {
	vectors := groups(5, 30)
	want := TSNE(vectors)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	if got := TSNE(vectors); !slices.Equal(got, want) {
		t.Error("one core gives another layout")
	}
}

// The layout is a value that every processor must reach: a sum over the bits of all places.
func TestBitsOnEveryProcessor(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	vectors := make([][]float32, 60)
	for i := range vectors {
		vectors[i] = []float32{
			float32(rng.IntN(100)), float32(rng.IntN(100)), float32(rng.IntN(100) + 50*(i%3)),
		}
	}
	sum := uint64(0)
	for _, at := range TSNE(vectors) {
		for _, v := range at {
			sum = sum*1099511628211 + math.Float64bits(v)
		}
	}
	if want := uint64(0x601042d482d6de09); sum != want {
		t.Errorf("%#x, want %#x", sum, want)
	}
}

func TestFewAndEqualPoints(t *testing.T) {
	for n := range 6 {
		vectors := make([][]float32, n)
		for i := range vectors {
			vectors[i] = []float32{3, 4}
		}
		place := TSNE(vectors)
		if len(place) != n {
			t.Errorf("%d places of %d points", len(place), n)
		}
		for _, at := range place {
			for _, v := range at {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					t.Errorf("%d equal points: a place is %v", n, at)
				}
			}
		}
	}
}

func BenchmarkTSNE(b *testing.B) {
	vectors := groups(10, 200)
	for b.Loop() {
		TSNE(vectors)
	}
}

func TestTSNEKeepsWithinItsSize(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	vectors := make([][]float32, 800) // garbage is little beside their distances
	for i := range vectors {
		vectors[i] = []float32{random.Float32(), random.Float32(), random.Float32()}
	}
	most := memorytest.Peak(func() { TSNE(vectors) })
	if size := TSNESize(len(vectors)); most > 1.2*size || most < size/2 {
		t.Errorf("%.3g bytes, said to be %.3g", most, size)
	}
}
