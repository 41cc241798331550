package clustering

// hashOrder is the order in which the original meets the images of a set, an std::unordered_set<int> of libstdc++ that holds
// image numbers counted from 1: it numbers the clusters, so it decides ties and the order of the output.
// The images are given, counted from 0, in the order of their insertion.
func hashOrder(images []int) []int {
	const none = -1
	next := make([]int, len(images)) // a linked list of positions in images; buckets stand together
	head := none
	var before map[int]int // bucket: the position before its first image, or none for the head of the list
	buckets := 1
	bucket := func(p int) int { return (images[p] + 1) % buckets }
	insert := func(p int) {
		b := bucket(p)
		if at, ok := before[b]; ok && at != none {
			next[p] = next[at]
			next[at] = p
			return
		}
		// Into an empty bucket, or one at the head of the list: the image becomes the head,
		// and the bucket of the image that was the head now begins after it.
		next[p] = head
		if head != none && bucket(head) != b {
			before[bucket(head)] = p
		}
		head = p
		before[b] = none
	}
	for p := range images {
		if grown := bucketCount(p + 1); grown != buckets {
			old, oldNext := head, make([]int, p)
			copy(oldNext, next[:p])
			buckets, head, before = grown, none, make(map[int]int, grown)
			for ; old != none; old = oldNext[old] {
				insert(old)
			}
		}
		insert(p)
	}
	order := make([]int, 0, len(images))
	for p := head; p != none; p = next[p] {
		order = append(order, images[p])
	}
	return order
}

// bucketCounts are the numbers of buckets that a set takes one after the other as it grows, seen with libstdc++ of GCC 12.
var bucketCounts = []int{13, 29, 59, 127, 257, 541, 1109, 2357, 5087, 10273, 20753, 42043, 85229, 172933, 351061, 712697,
	1447153, 2938679, 5967347, 12117689, 24607243, 49969847}

// bucketCount is the number of buckets of a set of size images: the set grows before it would hold more images than buckets.
// Beyond the sizes that the original was seen to reach it stays.
func bucketCount(size int) int {
	for _, b := range bucketCounts {
		if size <= b {
			return b
		}
	}
	return bucketCounts[len(bucketCounts)-1]
}
