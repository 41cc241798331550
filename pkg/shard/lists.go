package shard

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"imagesimilarity/pkg/nearest"
)

// blockQueries is the number of queries whose lists are one answer. Blocks are merged by different
// tasks.
const blockQueries = 512

// A Found is an image that a stage found near a query.
type Found[D nearest.Distance] struct {
	nearest.Neighbour[D]
	Original int64 // its distance in the original space; 0 unless the stage measures it
}

// Lists are the nearest images of consecutive queries.
type Lists[D nearest.Distance] struct {
	K       int // most images of a list
	Queries int // queries of the stage, in all blocks
	Of      [][]Found[D]
}

// append appends the lists as bytes. An integer is a varint: distances follow each other as
// differences, and indices are relative to the least one. So a neighbour in MNIST takes 7 bytes.
func (l *Lists[D]) append(b []byte) []byte {
	least := int64(math.MaxInt64)
	for _, list := range l.Of {
		for _, f := range list {
			least = min(least, f.Index)
		}
	}
	for _, n := range []uint64{uint64(l.K), uint64(l.Queries), uint64(len(l.Of)), uint64(least)} {
		b = binary.AppendUvarint(b, n)
	}
	for _, list := range l.Of {
		b = binary.AppendUvarint(b, uint64(len(list)))
		before := D(0)
		for _, f := range list {
			switch d := any(f.Distance).(type) {
			case int64:
				b = binary.AppendUvarint(b, uint64(d-any(before).(int64)))
			case float64:
				b = binary.BigEndian.AppendUint64(b, math.Float64bits(d))
			}
			before = f.Distance
			b = binary.AppendUvarint(b, uint64(f.Index-least))
			b = binary.AppendUvarint(b, uint64(f.Original))
		}
	}
	return b
}

var errLists = errors.New("the value is no list of neighbours")

// readLists reads what append appended.
func readLists[D nearest.Distance](b []byte) (*Lists[D], error) {
	r := reader{b: b}
	l := &Lists[D]{K: r.int(), Queries: r.int()}
	n, least := r.int(), int64(r.uvarint())
	for range n {
		count := r.int()
		if r.bad || count > len(r.b) || count > l.K {
			return nil, errLists
		}
		list := make([]Found[D], count)
		before := D(0)
		for i := range list {
			f := &list[i]
			switch d := any(&f.Distance).(type) {
			case *int64:
				*d = any(before).(int64) + int64(r.uvarint())
			case *float64:
				*d = math.Float64frombits(r.fixed())
			}
			before = f.Distance
			f.Index = least + int64(r.uvarint())
			f.Original = int64(r.uvarint())
			if f.Index < 0 || !(f.Distance >= 0) ||
				i > 0 && !list[i-1].Neighbour.Before(f.Neighbour) {
				return nil, errLists
			}
		}
		l.Of = append(l.Of, list)
	}
	if r.bad || len(r.b) > 0 || n > l.Queries {
		return nil, errLists
	}
	return l, nil
}

// A reader takes numbers from bytes. bad is set if they end early.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) uvarint() uint64 { return take(r, binary.Uvarint) }

func (r *reader) varint() int64 { return take(r, binary.Varint) }

// take takes a number that decode finds at the beginning of bytes, with the bytes that it has.
func take[V uint64 | int64](r *reader, decode func(b []byte) (v V, n int)) V {
	v, n := decode(r.b)
	if n <= 0 {
		r.b, r.bad = nil, true
		return 0
	}
	r.b = r.b[n:]
	return v
}

// int returns a number that is not negative and fits into 32 bits.
func (r *reader) int() int {
	v := r.uvarint()
	if v > math.MaxInt32 {
		r.b, r.bad = nil, true
		return 0
	}
	return int(v)
}

func (r *reader) fixed() uint64 {
	if len(r.b) < 8 {
		r.b, r.bad = nil, true
		return 0
	}
	v := binary.BigEndian.Uint64(r.b)
	r.b = r.b[8:]
	return v
}

// mergeLists merges the lists of the same queries. A neighbour in both counts once.
func mergeLists[D nearest.Distance](a, b []byte) ([]byte, error) {
	x, err := readLists[D](a)
	if err != nil {
		return nil, err
	}
	y, err := readLists[D](b)
	if err != nil {
		return nil, err
	}
	if x.K != y.K || x.Queries != y.Queries || len(x.Of) != len(y.Of) {
		return nil, fmt.Errorf("they have %d and %d neighbours of %d and %d queries",
			x.K, y.K, len(x.Of), len(y.Of))
	}
	for q, list := range y.Of {
		all := append(x.Of[q], list...)
		slices.SortFunc(all, func(a, b Found[D]) int { return a.Compare(b.Neighbour) })
		all = slices.Compact(all)
		x.Of[q] = all[:min(len(all), x.K)]
	}
	return x.append(nil), nil
}

// lists returns the lists of all queries of a stage.
func lists[D nearest.Distance](r Result, stage string) (*Lists[D], error) {
	answers, err := r.answers(stage)
	if err != nil {
		return nil, err
	}
	return join[D](answers)
}

// join returns the lists of consecutive blocks from the first on.
func join[D nearest.Distance](answers []*Answer) (*Lists[D], error) {
	var all *Lists[D]
	for _, a := range answers {
		l, err := readLists[D](a.Value)
		switch {
		case err != nil:
			return nil, fmt.Errorf("%s: %w", a.Key(), err)
		case all == nil:
			all = l
		default:
			all.Of = append(all.Of, l.Of...)
		}
	}
	if len(all.Of) != all.Queries {
		return nil, fmt.Errorf("%s: answers for %d of %d queries", answers[0].Stage, len(all.Of),
			all.Queries)
	}
	return all, nil
}

// addCounts adds lists of counts, varint by varint.
func addCounts(a, b []byte) ([]byte, error) {
	x, y := reader{b: a}, reader{b: b}
	var sum []byte
	for len(x.b) > 0 || len(y.b) > 0 {
		sum = binary.AppendUvarint(sum, x.uvarint()+y.uvarint())
	}
	if x.bad || y.bad {
		return nil, errors.New("they have different numbers of counts")
	}
	return sum, nil
}
