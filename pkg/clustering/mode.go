package clustering

// A Mode is whose form of an algorithm is taken where the original program departs from the algorithm that it names.
type Mode int

const (
	Original Mode = iota
	Textbook
)
