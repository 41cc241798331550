package libstdcxx

import (
	"slices"
	"testing"
)

// The wanted orders were printed by programs built with g++ 12.2.
func TestSetOrder(t *testing.T) {
	for _, c := range []struct {
		name           string
		inserted, want []int
	}{
		{"nothing", nil, nil},
		{"one", []int{7}, []int{7}},
		{"grown once", []int{1, 500, 14, 27, 3, 16, 999, 40, 1000, 7, 8, 9, 10, 11, 12, 600},
			[]int{600, 12, 1, 27, 11, 40, 3, 16, 999, 14, 1000, 500, 7, 8, 9, 10}},
		{"five centroids", []int{1, 135, 764, 462, 533}, []int{533, 462, 764, 135, 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := SetOrder(c.inserted); !slices.Equal(got, c.want) {
				t.Errorf("order %v, want %v", got, c.want)
			}
		})
	}
}

// A set of many numbers is checked by a hash of its order that a C++ program printed:
// for (int v : set) h = h*31 + v, with unsigned 64-bit h.
func TestSetOrderOfManyNumbers(t *testing.T) {
	random := NewMinstd()
	seen := make(map[int]bool)
	var inserted []int
	for range 20000 {
		if v := int(random.Next())%60000 + 1; !seen[v] {
			seen[v] = true
			inserted = append(inserted, v)
		}
	}
	var h uint64
	order := SetOrder(inserted)
	for _, v := range order {
		h = h*31 + uint64(v)
	}
	if len(order) != 17029 || h != 9990215788644391172 {
		t.Errorf("%d numbers in an order with hash %d, want 17029 and 9990215788644391172", len(order), h)
	}
}
