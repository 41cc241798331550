package main

import (
	"imagesimilarity/pkg/explore"
	"imagesimilarity/pkg/report"
	"imagesimilarity/pkg/results"
)

// asking answers the questions that a page lets its reader ask, about images of the data set and
// about queries. It is nil if neither the page nor the results are wanted.
type asking struct {
	images *explore.Map
	data   explore.Set
}

// newAsking prepares the answers with the methods of the run.
func newAsking(opt options, data *spaces) (*asking, error) {
	if opt.html == "" && opt.json == "" {
		return nil, nil
	}
	opt.display.Phase("preparing the images of the page")
	settings := explore.Settings{Textbook: opt.textbook}
	if opt.emd {
		settings.Cell = opt.cell
	} else {
		settings.Functions, settings.Tables = opt.functions, opt.tables
	}
	a := &asking{data: data.set()}
	var err error
	a.images, err = explore.New(a.data, report.Points(data.original), settings)
	return a, err
}

// themselves appends the answers about the images of the data set.
func (a *asking) themselves(all []results.Neighbourhoods) ([]results.Neighbourhoods, error) {
	if a == nil {
		return all, nil
	}
	n, err := a.images.Themselves(a.data)
	if err != nil {
		return nil, err
	}
	return append(all, *n), nil
}

// queries appends the answers about some of the queries.
func (a *asking) queries(
	all []results.Neighbourhoods, queries *spaces, asked []int,
) ([]results.Neighbourhoods, error) {
	if a == nil {
		return all, nil
	}
	n, err := a.images.Ask(queries.set(), asked)
	if err != nil {
		return nil, err
	}
	return append(all, *n), nil
}

// set returns the images as package explore gets them.
func (s *spaces) set() explore.Set {
	return explore.Set{File: s.images.Name, Images: s.original, Latents: s.reduced}
}
