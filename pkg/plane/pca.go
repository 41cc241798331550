// Package plane lays vectors out in the plane: along their principal components, and so that
// neighbours stay neighbours.
package plane

import "math"

// PCA returns the place of each vector in the plane of the two principal components, which are the
// directions of the largest variance, and the share of the variance along each. Vectors have the
// same length, at least 1, and there is at least one. One dimension gives a line.
//
// The components come from orthogonal iteration on the scatter matrix (Golub & Van Loan, Matrix
// Computations, 4th edition, 8.2.4). If variances are nearly equal, it may end between their
// directions; that plane shows as much of the variance.
func PCA[V ~[]float32](vectors []V) (place [][2]float64, share [2]float64) {
	const rounds = 60
	d := len(vectors[0])
	mean := make([]float64, d)
	for _, vector := range vectors {
		for j, v := range vector {
			mean[j] += float64(v)
		}
	}
	for j := range mean {
		mean[j] /= float64(len(vectors))
	}
	total := 0.0
	for _, vector := range vectors {
		for j, v := range vector {
			x := float64(v) - mean[j]
			total += float64(x * x)
		}
	}

	// Any two directions serve to which no component is orthogonal.
	var axes [2][]float64
	for c := range axes {
		axes[c] = make([]float64, d)
		for j := range axes[c] {
			axes[c][j] = 1 / float64(1+(j+c)%(3+c))
		}
	}
	place = make([][2]float64, len(vectors))
	project := func() {
		for n, vector := range vectors {
			place[n] = [2]float64{}
			for j, v := range vector {
				x := float64(v) - mean[j]
				place[n][0] += float64(x * axes[0][j])
				place[n][1] += float64(x * axes[1][j])
			}
		}
	}
	orthonormal(axes[0], axes[1])
	for range rounds {
		project()
		clear(axes[0])
		clear(axes[1])
		for n, vector := range vectors {
			for j, v := range vector {
				x := float64(v) - mean[j]
				axes[0][j] += float64(x * place[n][0])
				axes[1][j] += float64(x * place[n][1])
			}
		}
		orthonormal(axes[0], axes[1])
	}
	project()

	// The sign of a direction is free: its largest value is made positive.
	for c, axis := range axes {
		largest := 0
		for j, v := range axis {
			if math.Abs(v) > math.Abs(axis[largest]) {
				largest = j
			}
		}
		if axis[largest] < 0 {
			for n := range place {
				place[n][c] = -place[n][c]
			}
		}
	}
	if total == 0 {
		return place, [2]float64{1, 0}
	}
	for c := range share {
		along := 0.0
		for _, at := range place {
			along += float64(at[c] * at[c])
		}
		share[c] = along / total
	}
	return place, share
}

// orthonormal makes a and b directions of length 1 at right angles. A direction gets length 0 if
// it is 0 or, for b, parallel to a.
func orthonormal(a, b []float64) {
	unit(a)
	dot := 0.0
	for j := range a {
		dot += float64(a[j] * b[j])
	}
	length := norm(b)
	for j := range b {
		b[j] -= float64(dot * a[j])
	}
	if norm(b) <= 1e-9*length { // what is left is rounding
		clear(b)
	}
	unit(b)
}

func norm(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += float64(x * x)
	}
	return math.Sqrt(sum)
}

func unit(v []float64) {
	if n := norm(v); n > 0 {
		for j := range v {
			v[j] /= n
		}
	}
}
