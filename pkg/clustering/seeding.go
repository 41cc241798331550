package clustering

import (
	"fmt"
	"math"
	"slices"
	"sort"

	"imagesimilarity/pkg/libstdcxx"
	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/metric"
)

// Seed chooses k different images by k-means++ as the first centroids. The order of the result
// numbers the clusters. It is the order of the choice in the textbook's mode, and that of a hash
// table in the original's. The draws are those of a fresh libstdcxx.Minstd, so the same images give
// the same seeds. Seed returns an error if k is not in 1 to the number of images, or if there is no
// memory for a distance and a share of each image. progress, unless nil, is called after each
// choice.
func (s *Space[P]) Seed(k int, mode Mode, progress func(done, total int)) ([]int, error) {
	n := s.images.N
	if err := CheckClusters(k, n); err != nil {
		return nil, err
	}
	need := float64(12*n+16*k) + metric.QueriesSize[P](1, s.images.Dim())
	if err := memory.Check(need, "choosing %d seeds of %d images needs", k, n); err != nil {
		return nil, err
	}
	random := libstdcxx.NewMinstd()
	chosen := []int{random.Intn1(n) - 1}
	nearest := make([]uint32, n) // distance of each image to the nearest of the chosen
	for i := range nearest {
		nearest[i] = math.MaxUint32
	}
	update := func() {
		newest := chosen[len(chosen)-1]
		s.measure(s.images.At(newest), func(_, first int, distances []uint32) {
			for i, d := range distances {
				nearest[first+i] = min(nearest[first+i], d)
			}
		})
	}

	share := make([]float64, n+1)
	for len(chosen) < k {
		update()
		if mode == Textbook {
			chosen = append(chosen, draw(nearest, chosen, share, random))
		} else {
			chosen = append(chosen, drawNeighbour(nearest, chosen, share, random))
		}
		if progress != nil {
			progress(len(chosen), k)
		}
	}
	if mode == Textbook {
		return chosen, nil
	}
	return setOrder(chosen), nil
}

// CheckClusters returns an error if k clusters cannot be made of n images, since k is not in 1 to
// n.
func CheckClusters(k, n int) error {
	if k < 1 || k > n {
		return fmt.Errorf("cannot make %d clusters of %d images; expected 1 to %d", k, n, n)
	}
	return nil
}

// setOrder returns the images in the order in which the original meets them: it keeps their
// numbers, counted from 1, in an std::unordered_set.
func setOrder(images []int) []int {
	numbers := make([]int, len(images))
	for i, image := range images {
		numbers[i] = image + 1
	}
	order := libstdcxx.SetOrder(numbers)
	for i := range order {
		order[i]--
	}
	return order
}

// draw chooses an image with the probability of the paper, in proportion to the square of its
// distance. If all distances are 0, it chooses the first image that is not chosen. share is a
// buffer for the running sums of the squares, one more than images.
func draw(nearest []uint32, chosen []int, share []float64, random *libstdcxx.Minstd) int {
	share[0] = 0
	for i, d := range nearest {
		share[i+1] = share[i] + float64(float64(d)*float64(d))
	}
	sum := share[len(nearest)]
	if sum == 0 {
		return unchosen(chosen, 1)
	}
	x := random.Float64(sum)
	// If rounding makes x the sum, the last image with a share is taken.
	return sort.Search(len(nearest), func(i int) bool { return share[i+1] > x || share[i+1] == sum })
}

// drawNeighbour chooses an image as the original does, which is not quite as in the paper. It draws
// the r-th image that is no centroid with the probability that belongs to image r itself: the share
// of a neighbour. And the draw has the 24 bits of a float32.
func drawNeighbour(nearest []uint32, chosen []int, share []float64, random *libstdcxx.Minstd) int {
	left := len(nearest) - len(chosen)
	longest := float64(slices.Max(nearest[:left]))
	for i, d := range nearest[:left] {
		// If all distances are 0, the sums are NaN, and the search below ends at the last image.
		q := float64(d) / longest
		// share[r] - share[r-1] is the weight of image r, counted from 1.
		share[i+1] = share[i] + float64(q*q)
	}
	x := float64(random.Float32(float32(share[left])))
	return unchosen(chosen, findShare(share[:left+1], x))
}

// findShare returns the r in 1 to len(share)-1 with share[r-1] < x <= share[r], by bisection. If
// there is none, it returns the last r that was tried, as in the original.
func findShare(share []float64, x float64) (r int) {
	for left, right := 1, len(share)-1; left <= right; {
		r = (left + right) / 2
		switch {
		case share[r-1] < x && x <= share[r]:
			return r
		case x <= share[r-1]:
			right = r - 1
		default:
			left = r + 1
		}
	}
	return r
}

// unchosen returns the r-th image, counted from 1, of those that are not chosen.
func unchosen(chosen []int, r int) int {
	i := r - 1
	for _, c := range slices.Sorted(slices.Values(chosen)) {
		if c > i {
			break
		}
		i++
	}
	return i
}
