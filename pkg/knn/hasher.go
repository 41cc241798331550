package knn

import (
	"math"
	"slices"

	"imagesimilarity/pkg/libstdcxx"
)

// MaxFunctions is the largest number of hash functions of a table that tell images apart: they
// share the 32 bits of its hash values.
const MaxFunctions = 32

// A hasher computes the hash value of an image:
//
//	a_ij = floor((x_j - s_ij) / w)        cell of pixel j in grid i
//	h_i  = Σ_j a_ij · m^(D-1-j)  mod M    M = 2^(32/k), m = 2³²-5
//	g    = OR_i  h_i << place_i
//
// s_ij is the shift of grid i along pixel j: a random number in [0, w - 0.001).
type hasher struct {
	functions int
	place     []int    // (functions): bits
	mask      uint32   // M-1; M divides 2³², so uint32 arithmetic wraps around harmlessly
	power     []uint32 // (D): m^(D-1-j) mod 2³²

	// If w is above 255, a_ij is -1 or 0. It is 0 from the first grey level at or above s_ij on,
	// and few s_ij are that low. So h_i is the sum of a constant, which is h_i of an image whose
	// every a_ij is -1, and of one term for each step that the image has reached.
	base  []uint32 // (functions)
	steps [][]step // (functions)

	// If w is at most 255, function computes the formula itself.
	width float64
	shift []float64 // (functions, D)
}

type step struct {
	pixel int32
	level uint8 // smallest grey level in the upper cell
	power uint32
}

// originalPlace returns the place of h_i in g in the original. The h_i overlap for k from 2 to 5,
// by 4 bits for k = 4. From k = 7 on some places are negative. C++ leaves such shifts undefined.
// x86 takes them modulo 64, and so does originalPlace.
func originalPlace(i, functions int) int { return (32 - i*functions) & 63 }

// textbookPlace returns the place of h_i if g is the concatenation of the h_i, h_0 first. No bit of
// one covers a bit of another.
func textbookPlace(i, functions int) int { return (functions - 1 - i) * (32 / functions) }

// newHasher draws functions·dim random shifts. It draws none if every hash value would be 0: if w
// is 0, because a_ij is undefined then, or if k is above MaxFunctions, because M is 1 then.
func newHasher(dim int, width int64, functions int, place func(i, functions int) int,
	random *libstdcxx.Minstd) *hasher {

	if width == 0 || functions > MaxFunctions {
		return &hasher{}
	}
	h := &hasher{
		functions: functions,
		mask:      uint32(uint64(1)<<(32/functions) - 1),
		power:     make([]uint32, dim),
		width:     float64(width),
	}
	for i := range functions {
		h.place = append(h.place, place(i, functions))
	}
	c := uint32(1)
	for j := dim - 1; j >= 0; j-- {
		h.power[j] = c
		c *= 1<<32 - 5
	}

	if width <= math.MaxUint8 {
		h.shift = make([]float64, functions*dim)
		for i := range h.shift {
			h.shift[i] = random.Float64(h.width - 0.001)
		}
		return h
	}
	var sum uint32
	for _, c := range h.power {
		sum += c
	}
	h.base = slices.Repeat([]uint32{-sum}, functions)
	h.steps = make([][]step, functions)
	for i := range functions {
		for j := range dim {
			if s := random.Float64(h.width - 0.001); s <= math.MaxUint8 {
				h.steps[i] = append(h.steps[i], step{int32(j), uint8(math.Ceil(s)), h.power[j]})
			}
		}
	}
	return h
}

// hasherSize returns the most bytes of a hasher.
func hasherSize(dim int, width int64, functions int) float64 {
	if width == 0 || functions > MaxFunctions {
		return 0
	}
	shifts := float64(functions) * float64(dim)
	if width <= math.MaxUint8 {
		return float64(4*dim) + float64(8*shifts)
	}
	// A slice of steps may grow to twice its size. The share of the shifts that make a step is
	// that of the grey levels below the width.
	const step, spare = 12, 1 << 12
	steps := min(shifts, float64(shifts*(math.MaxUint8+1)/float64(width)*1.2)+spare)
	return float64(4*dim) + float64(2*step*steps)
}

// value returns g of the image x.
func (h *hasher) value(x []uint8) uint64 {
	var g uint64
	for i := range h.functions {
		g |= uint64(h.function(i, x)) << h.place[i]
	}
	return g
}

// function returns h_i of the image x.
func (h *hasher) function(i int, x []uint8) uint32 {
	if h.shift == nil {
		sum := h.base[i]
		for _, s := range h.steps[i] {
			if x[s.pixel] >= s.level {
				sum += s.power
			}
		}
		return sum & h.mask
	}
	var sum uint32
	for j, s := range h.shift[i*len(x) : (i+1)*len(x)] {
		a := math.Floor((float64(x[j]) - s) / h.width)
		sum += h.power[j] * uint32(int32(a))
	}
	return sum & h.mask
}
