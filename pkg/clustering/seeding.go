package clustering

import (
	"fmt"
	"iter"
	"math"
	"slices"
	"sort"

	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/libstdcxx"
	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/metric"
	"imagesimilarity/pkg/plural"
)

// Seed chooses k different images by k-means++ as the first centroids. The order of the result
// numbers the clusters. It is the order of the choice in the textbook's mode, and that of a hash
// table in the original's. The draws are those of a fresh libstdcxx.Minstd, so the same images give
// the same seeds. Each choice but the first takes a pass over the images.
//
// Seed returns an error if k is not in 1 to the number of images, if there is no memory for a
// distance of each image, or if the images cannot be read. progress, unless nil, is called after
// each choice.
func (s *Space[P]) Seed(k int, mode Mode, progress func(done, total int)) ([]int, error) {
	n := s.images.N
	if err := CheckClusters(k, n); err != nil {
		return nil, err
	}
	if err := s.CheckSeed(k, 0); err != nil {
		return nil, err
	}
	return SeedBy(n, k, mode, progress, func(newest int, nearest []uint32) error {
		image, err := imageset.SelectFrom(s.images, []int{newest})
		if err != nil {
			return err
		}
		query := pack(image)
		return s.each(func(b block[P]) { b.approach(query, nearest[b.first:]) })
	})
}

// CheckSeed returns the error of Seed if there is no memory for it when more bytes are in use than
// now.
func (s *Space[P]) CheckSeed(k int, more float64) error {
	n := s.images.N
	need := float64(4*n+16*k) + float64(8*(n/stride+1)) + metric.QueriesSize[P](1, s.images.Dim())
	return memory.CheckLater(more, need, "choosing %s of %s needs",
		plural.Of(k, "seed"), plural.Of(n, "image"))
}

// SeedBy chooses the seeds of Seed among n images, wherever they are. approach lowers the distances
// in nearest, one for each image, to those to the newest seed.
func SeedBy(n, k int, mode Mode, progress func(done, total int),
	approach func(newest int, nearest []uint32) error) ([]int, error) {

	random := libstdcxx.NewMinstd()
	chosen := []int{random.Intn1(n) - 1}
	nearest := make([]uint32, n) // distance of each image to the nearest of the chosen
	for i := range nearest {
		nearest[i] = math.MaxUint32
	}
	var share runningSums
	for len(chosen) < k {
		if err := approach(chosen[len(chosen)-1], nearest); err != nil {
			return nil, err
		}
		if mode == Textbook {
			chosen = append(chosen, draw(nearest, chosen, &share, random))
		} else {
			chosen = append(chosen, drawNeighbour(nearest, chosen, &share, random))
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

// approach lowers the distances of the block's images in nearest to those to the query.
func (b block[P]) approach(query *metric.Queries[P], nearest []uint32) {
	b.strips(query, func(r *ruler[P], strips iter.Seq[int]) {
		for range strips {
			near := nearest[r.from:]
			r.each(func(_ int, distances []uint32) {
				for i, d := range distances {
					near[i] = min(near[i], d)
				}
			})
		}
	})
}

// CheckClusters returns an error if k clusters cannot be made of n images, since k is not in 1 to
// n.
func CheckClusters(k, n int) error {
	if k < 1 || k > n {
		return fmt.Errorf("cannot make %s of %s; expected 1 to %d",
			plural.Of(k, "cluster"), plural.Of(n, "image"), n)
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
// distance. If all distances are 0, it chooses the first image that is not chosen.
func draw(nearest []uint32, chosen []int, share *runningSums, random *libstdcxx.Minstd) int {
	share.sum(len(nearest), func(i int) float64 {
		d := float64(nearest[i])
		return float64(d * d)
	})
	sum := share.of(len(nearest))
	if sum == 0 {
		return unchosen(chosen, 1)
	}
	x := random.Float64(sum)
	// If rounding makes x the sum, the last image with a share is taken.
	return sort.Search(len(nearest), func(i int) bool {
		to := share.of(i + 1)
		return to > x || to == sum
	})
}

// drawNeighbour chooses an image as the original does, which is not quite as in the paper. It draws
// the r-th image that is no centroid with the probability that belongs to image r itself: the share
// of a neighbour. And the draw has the 24 bits of a float32.
func drawNeighbour(
	nearest []uint32, chosen []int, share *runningSums, random *libstdcxx.Minstd,
) int {
	left := len(nearest) - len(chosen)
	longest := float64(slices.Max(nearest[:left]))
	share.sum(left, func(i int) float64 {
		// If all distances are 0, the sums are NaN, and the search below ends at the last image.
		q := float64(nearest[i]) / longest
		return float64(q * q)
	})
	x := float64(random.Float32(float32(share.of(left))))
	return unchosen(chosen, findShare(share, left, x))
}

// findShare returns the r in 1 to n with share.of(r-1) < x <= share.of(r), by bisection. If there
// is none, it returns the last r that was tried, as in the original.
func findShare(share *runningSums, n int, x float64) (r int) {
	for left, right := 1, n; left <= right; {
		r = (left + right) / 2
		switch before := share.of(r - 1); {
		case before < x && x <= share.of(r):
			return r
		case x <= before:
			right = r - 1
		default:
			left = r + 1
		}
	}
	return r
}

// runningSums are the sums of the first weights of a list, from the first on. They hold one sum in
// stride, and add up those between again.
type runningSums struct {
	weight func(i int) float64
	sums   []float64
}

const stride = 1 << 10

// sum adds up n weights.
func (s *runningSums) sum(n int, weight func(i int) float64) {
	s.weight, s.sums = weight, s.sums[:0]
	sum := 0.0
	for i := range n {
		if i%stride == 0 {
			s.sums = append(s.sums, sum)
		}
		sum += weight(i)
	}
	if n%stride == 0 {
		s.sums = append(s.sums, sum)
	}
}

// of returns the sum of the first n weights.
func (s *runningSums) of(n int) float64 {
	at := n / stride
	sum := s.sums[at]
	for i := at * stride; i < n; i++ {
		sum += s.weight(i)
	}
	return sum
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
