package main

import (
	"slices"

	"imagesimilarity/pkg/explore"
	"imagesimilarity/pkg/progress"
	"imagesimilarity/pkg/report"
	"imagesimilarity/pkg/results"
)

// asking answers the questions that a page lets its reader ask, about images of the data set and
// about queries. It is nil if neither the page nor the results are wanted.
type asking struct {
	images  *explore.Map
	data    *spaces
	display *progress.Display
	shown   report.Images // of the data set, among which the methods search; read when shown
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
	return &asking{images: images, data: data, display: opt.display}, err
}

// themselves appends the answers about the images of the data set.
func (a *asking) themselves(all []results.Neighbourhoods) ([]results.Neighbourhoods, error) {
	if a == nil {
		return all, nil
	}
	n, err := a.images.Themselves(a.data.set(), a.display.Task("neighbours on the page", "images"))
	if err != nil {
		return nil, err
	}
	return append(all, *n), nil
}

// queries appends the answers about some of the queries. known, unless nil, has some of them.
func (a *asking) queries(
	all []results.Neighbourhoods, queries *spaces, asked []int, known explore.Known,
) ([]results.Neighbourhoods, error) {
	if a == nil {
		return all, nil
	}
	n, err := a.images.Ask(queries.set(), asked, known,
		a.display.Task("neighbours of queries on the page", "queries"))
	if err != nil {
		return nil, err
	}
	return append(all, *n), nil
}

// knownOf returns the answers about the queries of the round that were found before. own has the
// answers about the images of the data set.
func knownOf(round *results.EMDRound, own *results.Neighbourhoods) explore.Known {
	if round.Queries.Images.Name == own.Data {
		// The search counts a query as its own neighbour, and the page does not.
		found := own.By(results.Earth)
		return func(image int) (index []int64, distance results.Numbers) {
			if i, there := slices.BinarySearch(own.Images, image); there {
				return found.Index[i], found.Distance[i]
			}
			return nil, nil
		}
	}
	if len(own.Among) < round.Data.Images.Images {
		return nil
	}
	return func(query int) (index []int64, distance results.Numbers) {
		return round.EMD.Index[query], round.EMD.Distance[query]
	}
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
