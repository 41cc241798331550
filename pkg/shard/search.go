package shard

import (
	"fmt"

	"imagesimilarity/pkg/emd"
	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/knn"
	"imagesimilarity/pkg/metric"
	"imagesimilarity/pkg/nearest"
)

// A search finds the nearest images of queries among shards that are added one after the other. The
// lists hold what was found in all of them, and limit what the next has to look at.
type search[D nearest.Distance] interface {
	Found(query int, neighbours []nearest.Neighbour[D])
	List(query int) []nearest.Neighbour[D]
}

// A nearestStage is a stage that finds the nearest images of queries.
type nearestStage[D nearest.Distance] struct {
	name       string
	parameters string
	queries    *Queries
	k          int
	search     search[D]
	add        func(p *Part) error
	added      map[int]bool // shards
	original   func(p *Part, query int, image int64) int64
}

// start begins with the neighbours that the same stage has found in other shards, if there are
// answers of it.
func (s *nearestStage[D]) start(found Result) error {
	s.added = map[int]bool{}
	if len(found[s.name]) == 0 {
		return nil
	}
	l, err := join[D](found[s.name])
	if err != nil {
		return err
	}
	if l.Queries != s.queries.Images.N || l.K != s.k {
		return fmt.Errorf("found are %d neighbours of %d queries; expected %d of %d",
			l.K, l.Queries, s.k, s.queries.Images.N)
	}
	for q, list := range l.Of {
		for _, f := range list {
			s.search.Found(q, []nearest.Neighbour[D]{f.Neighbour})
		}
	}
	return nil
}

func (s *nearestStage[D]) Name() string       { return s.name }
func (s *nearestStage[D]) Parameters() string { return s.parameters }

// Answer returns the images of the shard among the nearest of all shards so far: those that are
// farther than k others are no answer.
func (s *nearestStage[D]) Answer(p *Part) ([]Value, error) {
	if !s.added[p.Shard.Shard] {
		if err := s.add(p); err != nil {
			return nil, err
		}
		s.added[p.Shard.Shard] = true
	}
	var values []Value
	queries := s.queries.Images.N
	for from := 0; from < max(1, queries); from += blockQueries {
		l := Lists[D]{K: s.k, Queries: queries}
		for q := from; q < min(queries, from+blockQueries); q++ {
			var list []Found[D]
			for _, n := range s.search.List(q) {
				if n.Index < p.First || n.Index-p.First >= int64(p.N) {
					continue
				}
				f := Found[D]{Neighbour: n}
				if s.original != nil {
					f.Original = s.original(p, q, n.Index)
				}
				list = append(list, f)
			}
			l.Of = append(l.Of, list)
		}
		values = append(values, Value{s.name, from / blockQueries, l.append(nil)})
	}
	return values, nil
}

// Exact returns the stage that finds the k nearest images of each query. It begins with the
// neighbours in found.
func Exact(q *Queries, k int, found Result) (Stage, error) {
	return exactStage("exact", q, k, found)
}

func exactStage(name string, q *Queries, k int, found Result) (Stage, error) {
	search, err := knn.NewSearch(q.Images, k)
	if err != nil {
		return nil, err
	}
	s := &nearestStage[int64]{
		name: name, parameters: fmt.Sprintf("%s %d %s", name, k, q.Checksum),
		queries: q, k: k, search: search,
	}
	s.add = func(p *Part) error {
		images, err := p.Images()
		if err != nil {
			return err
		}
		return search.Add(p.block(images), nil)
	}
	return s, s.start(found)
}

// Latent returns the stage that finds the k images whose latent vectors are nearest to that of each
// query, and measures their distances in the original space. It begins with the neighbours in
// found.
func Latent(q *Queries, k int, found Result) (Stage, error) {
	search, err := knn.NewSearch(q.Latents, k)
	if err != nil {
		return nil, err
	}
	s := &nearestStage[int64]{
		name: "latent", parameters: fmt.Sprintf("latent %d %s", k, q.Checksum),
		queries: q, k: k, search: search,
	}
	s.add = func(p *Part) error {
		images, err := p.Images()
		if err != nil {
			return err
		}
		if err := q.checkSize(images); err != nil {
			return err
		}
		latents, err := p.Latents()
		if err != nil {
			return err
		}
		return search.Add(knn.NewBlock(latents, p.First), nil)
	}
	s.original = func(p *Part, query int, image int64) int64 {
		return metric.Manhattan(q.Images.At(query), p.images.At(int(image-p.First)))
	}
	return s, s.start(found)
}

// EMD returns the stage that finds the k nearest images of each query by Earth Mover's Distance
// between square cells of cell pixels. It begins with the neighbours in found.
func EMD(q *Queries, k, cell int, found Result) (Stage, error) {
	search, err := emd.NewSearch(q.Images, k, cell)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", q.Names, err)
	}
	s := &nearestStage[float64]{
		name: "emd", parameters: fmt.Sprintf("emd %d %d %s", k, cell, q.Checksum),
		queries: q, k: k, search: search,
	}
	s.add = func(p *Part) error {
		images, err := p.Images()
		if err != nil {
			return err
		}
		return search.Add(images, p.First, nil)
	}
	return s, s.start(found)
}

// checkSize returns an error unless the queries have the size of the images.
func (q *Queries) checkSize(images *imageset.Images[uint8]) error {
	err := nearest.CheckSize(q.Images.Rows, q.Images.Cols, images.Rows, images.Cols)
	if err != nil {
		return fmt.Errorf("%s: %w", q.Names, err)
	}
	return nil
}
