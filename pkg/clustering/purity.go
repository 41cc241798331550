package clustering

// Purity returns the share of images whose label is the most frequent one of their cluster
// (Manning, Raghavan, Schütze: Introduction to Information Retrieval, 2008, section 16.3). count,
// (clusters, labels), is the number of images with each cluster and label. Purity lies between 0
// and 1, and is NaN if there are no images. More clusters make it larger: it is 1 if every image is
// alone.
func Purity(count [][]int) float64 {
	inMajority, images := 0, 0
	for _, row := range count {
		most := 0
		for _, n := range row {
			most = max(most, n)
			images += n
		}
		inMajority += most
	}
	return float64(inMajority) / float64(images)
}
