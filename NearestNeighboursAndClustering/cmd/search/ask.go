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
	data   *spaces
	shown  report.Images // of the data set, among which the methods search; read when shown
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
	points := report.Points(data.original.N, data.original.Rows, data.original.Cols)
	images, err := explore.New(data.set(), points, settings)
	return &asking{images: images, data: data}, err
}

// themselves appends the answers about the images of the data set.
func (a *asking) themselves(all []results.Neighbourhoods) ([]results.Neighbourhoods, error) {
	if a == nil {
		return all, nil
	}
	n, err := a.images.Themselves(a.data.set())
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

// show lets the reader of the page ask about images of asked, the data set or queries.
func (a *asking) show(page *report.Page, n *results.Neighbourhoods, asked *spaces) error {
	images, err := asked.shown(n.Images)
	if err == nil && a.shown.Sample == nil {
		a.shown, err = a.data.shown(n.Among)
	}
	if err == nil {
		page.Ask(n, a.shown, images)
	}
	return err
}

// set returns the images as package explore gets them.
func (s *spaces) set() explore.Set {
	return explore.Set{File: s.images.Name, Images: s.original, Latents: s.reduced}
}
