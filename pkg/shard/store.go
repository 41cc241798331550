package shard

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"imagesimilarity/pkg/clustering"
	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/metric"
)

// A Store keeps what a worker has read and found for the next stages that ask for the same shards.
// Answers do not depend on what it keeps. The zero Store keeps labels and no images.
type Store struct {
	most, used int64  // bytes of images
	stage      string // the parameters of the stages that ask now
	clock      int    // counts the changes of stage
	asks       int    // counts how often it was asked for images
	known      map[string]*known
}

// NewStore returns a store that keeps images of at most that many bytes, packed ones included. The
// labels with their bounds, 20 bytes an image in each space, come on top.
func NewStore(most int64) *Store { return &Store{most: most} }

// known is what a store knows of the images of a shard in one space.
type known struct {
	images any   // *imageset.Images[P], or nil if they are not kept
	part   any   // clustering.Part[P] of packed images, or nil if they are not kept
	size   int64 // bytes of both
	stage  int   // the store's clock when it was last asked for them
	ask    int   // the store's asks at that time

	labels [2]labelling // the clusters of the images in the last pass and in the one before

	// The assignment of the last pass has bounds that save work in the next one, if that has as many
	// clusters.
	assignment any // *clustering.Assignment[P], or nil
	clusters   int
}

// A labelling is the clusters of the images of a shard.
type labelling struct {
	from  string // checksum of the centroids
	label []int32
}

// recent is the number of stages that count as recent, the present one included. The store gives
// up only images that none of them asked for.
const recent = 3

// begin tells the store that these stages ask from now on.
func (s *Store) begin(stages []Stage) {
	var all []string
	for _, stage := range stages {
		all = append(all, stage.Parameters())
	}
	if now := strings.Join(all, "\n"); now != s.stage {
		s.stage = now
		s.clock++
		maps.DeleteFunc(s.known, func(_ string, k *known) bool {
			return k.part == nil && k.labels[0].label == nil
		})
	}
}

// of returns what the store knows of images.
func (s *Store) of(space Space, v *Values) *known {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // there is nothing in it that JSON lacks
	}
	key := fmt.Sprintf("%s %s", space, b)
	k := s.known[key]
	if k == nil {
		k = new(known)
		if s.known == nil {
			s.known = map[string]*known{}
		}
		s.known[key] = k
	}
	s.asks++
	k.stage, k.ask = s.clock, s.asks
	return k
}

// room makes room for images of a size, and reports whether it could. It gives up only images that
// no recent stage asked for, the oldest first. So if a pass uses more shards than there is room
// for, some of them stay.
func (s *Store) room(size int64) bool {
	for s.used+size > s.most {
		var oldest *known
		for _, k := range s.known {
			if k.part != nil && k.stage <= s.clock-recent && (oldest == nil || k.ask < oldest.ask) {
				oldest = k
			}
		}
		if oldest == nil {
			return false
		}
		s.used -= oldest.size
		oldest.images, oldest.part = nil, nil
	}
	s.used += size
	return true
}

// label returns the clusters of the images for centroids with the checksum from. It calls find if
// it does not know them.
func (k *known) label(from string, find func() []int32) []int32 {
	i := slices.IndexFunc(k.labels[:], func(l labelling) bool {
		return l.label != nil && l.from == from
	})
	switch i {
	case -1:
		k.labels[0], k.labels[1] = labelling{from, find()}, k.labels[0]
	case 1:
		k.labels[0], k.labels[1] = k.labels[1], k.labels[0]
	}
	return k.labels[0].label
}

// partOf returns the images of a part ready for clustering, and what is known of them. The store
// keeps them if they have room.
func partOf[P uint8 | uint16](p *Part) (clustering.Part[P], *known, error) {
	var none clustering.Part[P]
	images, err := values[P](p)
	if err != nil {
		return none, nil, err
	}
	k := p.known[spaceOf[P]()]
	if part, kept := k.part.(clustering.Part[P]); kept {
		return part, k, nil
	}
	part, err := clustering.NewPart(images)
	if err != nil {
		return none, nil, err
	}
	packed := metric.PointsSize[P](images.N, images.Dim())
	size := int64(packed) + int64(len(images.Pix)*bits[P]()/8)
	if p.store.room(size) {
		part.Pack()
		k.images, k.part, k.size = images, part, size
	}
	return part, k, nil
}

// kept returns the images that the store keeps, or nil. It returns an error if a file is not the
// one that was cut.
func kept[P uint8 | uint16](k *known, v *Values) (*imageset.Images[P], error) {
	images, ok := k.images.(*imageset.Images[P])
	if !ok {
		return nil, nil
	}
	for _, r := range v.Ranges {
		f, err := r.open()
		if err != nil {
			return nil, err
		}
		f.Close()
	}
	return images, nil
}
