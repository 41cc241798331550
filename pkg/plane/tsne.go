package plane

import (
	"math"

	"imagesimilarity/pkg/parallel"
)

// The schedule of the paper and of its authors' program: the attraction is exaggerated at first, so
// that clusters find each other, and the momentum is low at first.
const (
	perplexity  = 30.0 // neighbours that a point is drawn to, about
	iterations  = 400
	exaggerated = 100 // iterations
	exaggerate  = 12.0
	calm        = 100 // iterations with the low momentum
)

// TSNE returns the place of each vector in the plane by t-distributed stochastic neighbour
// embedding (van der Maaten and Hinton, Journal of Machine Learning Research 9, 2008), in its exact
// form. It begins with the two principal components. Vectors have the same length and finite
// values. The result depends on nothing else: each sum is formed in a fixed order, and products are
// rounded before they are added. It takes 8 bytes for every pair of vectors, and time in proportion
// to the pairs.
func TSNE[V ~[]float32](vectors []V) [][2]float64 {
	if len(vectors) == 0 {
		return nil
	}
	start, _ := PCA(vectors)
	return layout(len(vectors), func(i, j int) float64 {
		sum, other := 0.0, vectors[j]
		for c, v := range vectors[i] {
			d := float64(v) - float64(other[c])
			sum += float64(d * d)
		}
		return sum
	}, start)
}

// TSNESize returns the bytes that TSNE takes for n vectors.
func TSNESize(n int) float64 {
	const perPoint = 200 // places, forces, distances
	return float64(8*float64(n)*float64(n)) + float64(perPoint*float64(n))
}

// layout moves n points from their places at the start. distance returns the squared distance of
// two points.
func layout(n int, distance func(i, j int) float64, start [][2]float64) [][2]float64 {
	if n < 3 {
		return append([][2]float64{}, start...)
	}
	p := affinities(n, distance)
	place := spread(start)
	speed, gain := make([][2]float64, n), make([][2]float64, n)
	for i := range gain {
		gain[i] = [2]float64{1, 1}
	}
	attraction, repulsion := make([][2]float64, n), make([][2]float64, n)
	weight := make([]float64, n)
	rate := math.Max(float64(n)/exaggerate/4, 50) // Belkina and others 2019
	for t := range iterations {
		boost, momentum := 1.0, 0.8
		if t < exaggerated {
			boost = exaggerate
		}
		if t < calm {
			momentum = 0.5
		}
		forces(p, place, attraction, repulsion, weight)
		total := 0.0
		for _, w := range weight {
			total += w
		}
		for i := range place {
			for c := range 2 {
				slope := 4 * (float64(boost*attraction[i][c]) - repulsion[i][c]/total)
				if slope > 0 == (speed[i][c] > 0) {
					gain[i][c] = math.Max(0.01, 0.8*gain[i][c])
				} else {
					gain[i][c] += 0.2
				}
				step := float64(rate * float64(gain[i][c]*slope))
				speed[i][c] = float64(momentum*speed[i][c]) - step
				place[i][c] += speed[i][c]
			}
		}
		centre(place)
	}
	return place
}

// forces computes for each point the sums of its attractions and of its repulsions, and its part of
// the sum by which the repulsions are divided.
func forces(p []float64, place, attraction, repulsion [][2]float64, weight []float64) {
	n := len(place)
	parallel.Blocks(n, 32, func(from, to int) {
		for i := from; i < to; i++ {
			x, y := place[i][0], place[i][1]
			var ax, ay, rx, ry, sum float64
			for j, pij := range p[i*n : (i+1)*n] {
				dx, dy := x-place[j][0], y-place[j][1]
				q := 1 / (1 + float64(dx*dx) + float64(dy*dy))
				a, r := float64(pij*q), float64(q*q)
				ax += float64(a * dx)
				ay += float64(a * dy)
				rx += float64(r * dx)
				ry += float64(r * dy)
				sum += q
			}
			attraction[i], repulsion[i] = [2]float64{ax, ay}, [2]float64{rx, ry}
			weight[i] = sum - 1 // without the point itself
		}
	})
}

// affinities returns the probability p_ij of each pair (n, n), which is symmetric and sums to 1.
// The width of the bell around a point gives its neighbours the wanted perplexity.
func affinities(n int, distance func(i, j int) float64) []float64 {
	p := make([]float64, n*n)
	wanted := math.Min(perplexity, float64(n-1)/3)
	parallel.Blocks(n, 16, func(from, to int) {
		square := make([]float64, n)
		for i := from; i < to; i++ {
			for j := range n {
				square[j] = distance(i, j)
			}
			bell(p[i*n:(i+1)*n], square, i, wanted)
		}
	})
	for i := range n {
		for j := range i {
			both := (p[i*n+j] + p[j*n+i]) / float64(2*n)
			p[i*n+j], p[j*n+i] = both, both
		}
	}
	return p
}

// bell fills row with the probabilities of the neighbours of point i, which fall with the square of
// their distance. It halves an interval until their perplexity is the wanted one.
func bell(row, square []float64, i int, wanted float64) {
	nearest, farthest := math.Inf(1), 0.0
	for j, d := range square {
		if j != i {
			nearest, farthest = math.Min(nearest, d), math.Max(farthest, d)
		}
	}
	// The unit is the largest difference, so that the steepness has a known range.
	unit := farthest - nearest
	if unit == 0 {
		unit = 1
	}
	low, high, steep := 0.0, math.Inf(1), 1.0
	for range 60 {
		sum, mean := 0.0, 0.0
		for j, d := range square {
			row[j] = 0
			if j != i {
				x := float64(steep * ((d - nearest) / unit))
				row[j] = exp(-x)
				sum += row[j]
				mean += float64(row[j] * x)
			}
		}
		for j := range row {
			row[j] /= sum
		}
		// The entropy is log(sum) + mean/sum. The perplexity is its exponential.
		got := float64(sum / exp(-mean/sum))
		if math.Abs(got-wanted) < 1e-5*wanted {
			return
		}
		if got > wanted {
			low = steep
		} else {
			high = steep
		}
		if math.IsInf(high, 1) {
			steep *= 2
		} else {
			steep = (low + high) / 2
		}
	}
}

// exp returns e to the power of x for x at most 0. The bits are the same on every processor, which
// package math does not promise.
func exp(x float64) float64 {
	if x < -700 {
		return 0
	}
	// x = k·log 2 + r with |r| at most (log 2)/2, and the series for r.
	k := math.Round(x / math.Ln2)
	r := x - float64(k*0x1.62e42fee00000p-1) - float64(k*0x1.a39ef35793c76p-33)
	sum := 1.0
	for i := 13.0; i >= 1; i-- {
		sum = 1 + float64(r*sum)/i
	}
	return math.Ldexp(sum, int(k))
}

// spread returns the places on the scale at which the layout begins: small, so that every point
// feels every other. Equal places are moved apart.
func spread(start [][2]float64) [][2]float64 {
	place := append([][2]float64{}, start...)
	centre(place)
	largest := 0.0
	for _, at := range place {
		largest = math.Max(largest, math.Max(math.Abs(at[0]), math.Abs(at[1])))
	}
	for i := range place {
		for c := range 2 {
			if largest > 0 {
				place[i][c] /= largest * 1000
			}
			// A different shift of at most 1e-6 for each point: the golden ratio spreads them.
			turn := float64(float64(2*i+c+1) * 0.6180339887498949)
			place[i][c] += float64(2e-6 * (turn - math.Floor(turn) - 0.5))
		}
	}
	return place
}

// centre moves the middle of the places to 0.
func centre(place [][2]float64) {
	var mean [2]float64
	for _, at := range place {
		mean[0] += at[0]
		mean[1] += at[1]
	}
	for c := range 2 {
		mean[c] /= float64(len(place))
		for i := range place {
			place[i][c] -= mean[c]
		}
	}
}
