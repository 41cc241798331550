// Package ostream writes numbers as C++ output streams do with their default settings.
package ostream

import (
	"math"
	"strconv"
)

// Double is x as std::cout << x prints a double on x86-64 Linux: %.6g, "inf", and "-nan",
// which is what a division of zero by zero gives there.
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
