package article

import (
	"slices"

	"imagesimilarity/pkg/explore"
	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/report"
	"imagesimilarity/pkg/results"
)

// Ask lets the reader of a page ask about a query of the cover and about what the other programs
// show: the mistakes of a classification and the medians of a clustering. It searches by every
// method that ran, with the settings of the runs, which were in the folder dir, among the images
// of the map and those that the methods found nearest to these queries in the whole data set. Only
// the first rounds count.
func Ask(page *report.Page, dir string, query int, search *results.Search, emd *results.EMD,
	classification *results.Classification, cluster *results.Cluster) error {

	data, shown, err := set(dir, search.Data)
	if err != nil {
		return err
	}
	round := &search.Rounds[0]
	queries, queriesShown, err := set(dir, round.Queries)
	if err != nil {
		return err
	}
	asked := append(report.AskedOfSearch(round), query)
	if test := classification.Rounds[0].Test; test != nil {
		if classification.TestSet.Images.Name == queries.File {
			asked = append(asked, report.AskedOfClassification(test, queriesShown.Labels)...)
		}
	}
	if emd.Rounds[0].Queries.Images.Name == queries.File {
		asked = append(asked, report.AskedOfEMD(&emd.Rounds[0])...)
	}
	asked = ascending(asked)

	among := slices.Clone(search.Neighbourhoods[0].Among)
	for _, q := range asked {
		for _, found := range []results.Nearest{
			round.Exact, round.Reduced.Nearest, round.LSH.Nearest,
		} {
			if i := found.Index[q]; i >= 0 {
				among = append(among, int(i))
			}
		}
	}
	for _, i := range emd.Rounds[0].EMD.Index[query] {
		among = append(among, int(i))
	}
	among = ascending(among)
	m, err := explore.New(data, among, explore.Settings{
		Functions: search.Settings.Functions, Tables: search.Settings.Tables,
		Cell: emd.Settings.Cell, Textbook: search.Textbook,
	})
	if err != nil {
		return err
	}
	tell := func(from explore.Set, images report.Images, asked []int) error {
		n, err := m.Ask(from, asked, nil, nil)
		if err == nil {
			page.Ask(n, shown, images)
		}
		return err
	}
	if err := tell(data, shown, among); err != nil {
		return err
	}
	if err := tell(queries, queriesShown, asked); err != nil {
		return err
	}

	k := &cluster.Rounds[0]
	for _, medians := range report.AskedOfCluster(k, k.Images.Rows, k.Images.Cols) {
		from := explore.Set{File: medians.File, Images: medians.Images.Set()}
		err := tell(from, report.Images{Sample: medians.Images.Sample()}, medians.Asked)
		if err != nil {
			return err
		}
	}
	return nil
}

// ascending returns the different numbers of a list, sorted.
func ascending(list []int) []int {
	slices.Sort(list)
	return slices.Compact(list)
}

// set reads images in both spaces.
func set(dir string, files results.LabelledSpaces) (explore.Set, report.Images, error) {
	m, shown, err := images(dir, files.Images, files.Labels)
	if err != nil {
		return explore.Set{}, shown, err
	}
	latents, err := idx.ReadLatents(path(dir, files.Latents.Name))
	if err != nil {
		return explore.Set{}, shown, err
	}
	set := explore.Set{File: files.Images.Name, Images: m.Set(), Latents: latents.Set()}
	return set, shown, nil
}
