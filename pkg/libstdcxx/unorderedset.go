package libstdcxx

// SetOrder returns the order in which an std::unordered_set<int> iterates after the values have
// been inserted one after the other. The values are distinct and not negative.
func SetOrder(values []int) []int {
	const none = -1
	next := make([]int, len(values)) // linked list of positions in values; a bucket is contiguous
	head := none
	var before map[int]int // bucket: position before its first value, or none at the head of the list
	buckets := 1
	bucket := func(p int) int { return values[p] % buckets }
	insert := func(p int) {
		b := bucket(p)
		if at, ok := before[b]; ok && at != none {
			next[p] = next[at]
			next[at] = p
			return
		}
		// The bucket is empty or at the head of the list: the value becomes the head,
		// and the bucket of the old head now begins after it.
		next[p] = head
		if head != none && bucket(head) != b {
			before[bucket(head)] = p
		}
		head = p
		before[b] = none
	}
	for p := range values {
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
	order := make([]int, 0, len(values))
	for p := head; p != none; p = next[p] {
		order = append(order, values[p])
	}
	return order
}

// bucketCounts lists the numbers of buckets that a growing set takes, observed with GCC 12.
var bucketCounts = []int{13, 29, 59, 127, 257, 541, 1109, 2357, 5087, 10273, 20753, 42043, 85229,
	172933, 351061, 712697, 1447153, 2938679, 5967347, 12117689, 24607243, 49969847}

// bucketCount returns the number of buckets of a set of size values. A set grows before it would
// hold more values than buckets. Beyond the observed sizes the number stays at the last one.
func bucketCount(size int) int {
	for _, b := range bucketCounts {
		if size <= b {
			return b
		}
	}
	return bucketCounts[len(bucketCounts)-1]
}
