// Package plural writes numbers of things in English.
package plural

import (
	"fmt"
	"strings"
)

// Of returns a number with a thing, which stands in the plural unless the number is 1: "1 image",
// "2 images", "0 queries".
func Of[N int | int64](n N, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	if stem, ok := strings.CutSuffix(thing, "y"); ok {
		thing = stem + "ie"
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
