package sklearn

// A Confusion is a confusion_matrix with its classes.
type Confusion struct {
	Classes []uint8 // all classes that are true or predicted for an image, ascending
	Count   [][]int // Count[i][j]: images of Classes[i] for which Classes[j] was predicted
}

// NewConfusion counts the images by their true and their predicted class.
func NewConfusion(truth, predicted []uint8) Confusion {
	var seen [256]bool
	for i := range truth {
		seen[truth[i]], seen[predicted[i]] = true, true
	}
	var c Confusion
	var place [256]int
	for class, ok := range seen {
		if ok {
			place[class] = len(c.Classes)
			c.Classes = append(c.Classes, uint8(class))
		}
	}
	c.Count = make([][]int, len(c.Classes))
	for i := range c.Count {
		c.Count[i] = make([]int, len(c.Classes))
	}
	for i := range truth {
		c.Count[place[truth[i]]][place[predicted[i]]]++
	}
	return c
}

// Right returns the number of images whose true class was predicted.
func (c Confusion) Right() int {
	n := 0
	for i := range c.Count {
		n += c.Count[i][i]
	}
	return n
}
