package libstdcxx

import (
	"math"
	"strconv"
)

// Double returns x as std::cout << x prints a double on x86-64 Linux: with six significant digits,
// "inf", and "-nan", which is how the result of 0/0 is printed there.
func Double(x float64) string {
	switch {
	case math.IsNaN(x):
		return "-nan"
	case math.IsInf(x, 1):
		return "inf"
	case math.IsInf(x, -1):
		return "-inf"
	}
	return strconv.FormatFloat(x, 'g', 6, 64)
}
