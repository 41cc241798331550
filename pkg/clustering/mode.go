package clustering

// A Mode tells which form of an algorithm runs if the original program departs from the algorithm
// that it names.
type Mode int

const (
	Original Mode = iota // as the original program computes it
	Textbook             // as the literature describes it
)
