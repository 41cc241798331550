package clustering

import (
	"slices"
	"testing"

	"imagesimilarity/pkg/rng"
)

// from1 counts image numbers from 0 where the original's counted from 1.
func from1(numbers ...int) []int {
	for i := range numbers {
		numbers[i]--
	}
	return numbers
}

// The orders are those in which std::unordered_set<int> of GCC 12 iterates.
func TestHashOrderOfGCC(t *testing.T) {
	for _, c := range []struct {
		name           string
		inserted, want []int
	}{
		{"nothing", nil, nil},
		{"one", from1(7), from1(7)},
		{"grown once", from1(1, 500, 14, 27, 3, 16, 999, 40, 1000, 7, 8, 9, 10, 11, 12, 600),
			from1(600, 12, 1, 27, 11, 40, 3, 16, 999, 14, 1000, 500, 7, 8, 9, 10)},
		{"five centroids", from1(1, 135, 764, 462, 533), from1(533, 462, 764, 135, 1)},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := hashOrder(c.inserted); !slices.Equal(got, c.want) {
				t.Errorf("order %v, want %v", got, c.want)
			}
		})
	}
}

// A set of many numbers, checked by a sum over its order that a C++ program printed:
// for (int v : set) h = h*31 + v, with unsigned 64-bit h.
func TestHashOrderOfGCCForManyNumbers(t *testing.T) {
	random := rng.NewMinstd()
	seen := make(map[int]bool)
	var inserted []int
	for range 20000 {
		if v := int(random.Next())%60000 + 1; !seen[v] {
			seen[v] = true
			inserted = append(inserted, v-1)
		}
	}
	var h uint64
	order := hashOrder(inserted)
	for _, i := range order {
		h = h*31 + uint64(i+1)
	}
	if len(order) != 17029 || h != 9990215788644391172 {
		t.Errorf("%d numbers in an order with sum %d, want 17029 and 9990215788644391172", len(order), h)
	}
}
