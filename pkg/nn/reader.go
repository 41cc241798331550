package nn

import (
	"cmp"
	"sync"

	"imagesimilarity/pkg/imageset"
)

const (
	// A disk reads scattered images several times as fast if it has several orders at a time.
	orders = 8
	// Of a batch, images of as many bytes are read ahead.
	mostAhead = 16 << 20
)

// A reader reads images of a set that is not kept in memory. It reads those of the next batch while
// the one before is computed.
type reader struct {
	set    *imageset.Set[uint8]
	buffer sync.Pool // *[]uint8

	mu      sync.Mutex
	batches [2]*prefetched // announced last, the latest first
}

// prefetched is images that are read, or have been read, ahead.
type prefetched struct {
	place map[int]int // in pix, by the index in the set
	pix   []uint8
	errs  [orders]error
	read  sync.WaitGroup
}

// room returns the bytes that the reader takes for batches of a size: for two that are read ahead,
// and for images that are not.
func (r *reader) room(batch int) float64 {
	size := float64(float64(batch) * float64(r.set.Dim()))
	return size + float64(2*min(size, mostAhead))
}

// ahead begins to read the images at index.
func (r *reader) ahead(index []int) {
	dim := r.set.Dim()
	index = index[:min(len(index), mostAhead/dim)]
	b := &prefetched{place: make(map[int]int, len(index)), pix: make([]uint8, len(index)*dim)}
	for i, k := range index {
		b.place[k] = i
	}
	for o := range orders {
		b.read.Go(func() {
			for i := o; i < len(index) && b.errs[o] == nil; i += orders {
				b.errs[o] = r.set.Read(b.pix[i*dim:(i+1)*dim], index[i])
			}
		})
	}
	r.mu.Lock()
	r.batches = [2]*prefetched{b, r.batches[0]}
	r.mu.Unlock()
}

// with returns the batch with an image, or nil.
func (r *reader) with(image int) *prefetched {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, b := range r.batches {
		if b != nil {
			if _, ok := b.place[image]; ok {
				return b
			}
		}
	}
	return nil
}

// images calls use for the images at index: pix are some of them that follow each other in index,
// from place at on. pix may be overwritten after the call.
func (r *reader) images(index []int, use func(pix []uint8, at int)) error {
	if len(index) == 0 {
		return nil
	}
	dim := r.set.Dim()
	b := r.with(index[0])
	if b != nil {
		b.read.Wait()
		if err := cmp.Or(b.errs[:]...); err != nil {
			return err
		}
	}
	var buffer *[]uint8
	for i := 0; i < len(index); {
		if b != nil {
			if p, ok := b.place[index[i]]; ok {
				use(b.pix[p*dim:(p+1)*dim], i)
				i++
				continue
			}
		}
		// Images that lie side by side in the file are read together.
		n := 1
		for i+n < len(index) && index[i+n] == index[i]+n {
			n++
		}
		if buffer == nil {
			buffer, _ = r.buffer.Get().(*[]uint8)
			if buffer == nil {
				buffer = new([]uint8)
			}
			defer r.buffer.Put(buffer)
		}
		if cap(*buffer) < n*dim {
			*buffer = make([]uint8, n*dim)
		}
		pix := (*buffer)[:n*dim]
		if err := r.set.Read(pix, index[i]); err != nil {
			return err
		}
		use(pix, i)
		i += n
	}
	return nil
}
