// Package article makes report pages from the results that the programs wrote as JSON, for pages
// that show several programs. The pictures come from the data files that the results name, relative
// to the folder in which the program ran.
package article

import (
	"path/filepath"

	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/report"
	"imagesimilarity/pkg/results"
)

// Of returns the page of a run in the folder dir.
func Of(dir string, run results.Document) (*report.Page, error) {
	switch run := run.(type) {
	case *results.Search:
		return search(dir, run)
	case *results.EMD:
		return emd(dir, run)
	case *results.Cluster:
		return cluster(run), nil
	case *results.Reduce:
		return reduce(dir, run)
	case *results.Classification:
		return classification(dir, run)
	}
	panic("article: unknown kind of results")
}

func search(dir string, run *results.Search) (*report.Page, error) {
	_, data, err := images(dir, run.Data.Images, run.Data.Labels)
	if err != nil {
		return nil, err
	}
	page := report.NewSearch(run)
	of := map[string]report.Images{run.Data.Images.Name: data}
	for i := range run.Rounds {
		r := &run.Rounds[i]
		_, queries, err := images(dir, r.Queries.Images, r.Queries.Labels)
		if err != nil {
			return nil, err
		}
		page.AddSearch(run, r, data, queries)
		of[r.Queries.Images.Name] = queries
	}
	ask(page, run.Neighbourhoods, of)
	return page, nil
}

func emd(dir string, run *results.EMD) (*report.Page, error) {
	page := report.NewEMD(run)
	of := map[string]report.Images{}
	for i := range run.Rounds {
		r := &run.Rounds[i]
		_, data, err := images(dir, r.Data.Images, r.Data.Labels)
		if err != nil {
			return nil, err
		}
		_, queries, err := images(dir, r.Queries.Images, r.Queries.Labels)
		if err != nil {
			return nil, err
		}
		page.AddEMD(run, r, data, queries)
		of[r.Data.Images.Name], of[r.Queries.Images.Name] = data, queries
	}
	ask(page, run.Neighbourhoods, of)
	return page, nil
}

// ask lets the reader of a page ask about images of the files in of.
func ask(page *report.Page, all []results.Neighbourhoods, of map[string]report.Images) {
	for i := range all {
		page.Ask(&all[i], of[all[i].Data], of[all[i].Asked])
	}
}

func cluster(run *results.Cluster) *report.Page {
	page := report.NewCluster(run)
	for i := range run.Rounds {
		page.AddCluster(&run.Rounds[i])
	}
	return page
}

func reduce(dir string, run *results.Reduce) (*report.Page, error) {
	_, m, err := images(dir, run.Dataset, run.Settings.Labels)
	if err != nil {
		return nil, err
	}
	page := report.NewReduce(run)
	for i := range run.Rounds {
		page.AddReduce(run, &run.Rounds[i], m)
	}
	return page, nil
}

func classification(dir string, run *results.Classification) (*report.Page, error) {
	_, test, err := images(dir, run.TestSet.Images, run.TestSet.Labels)
	if err != nil {
		return nil, err
	}
	page := report.NewClassification(run)
	for i := range run.Rounds {
		page.AddClassification(run, &run.Rounds[i], test)
	}
	return page, nil
}

// images reads images and, if labels is not "", their labels. shown is the same for a page.
func images(dir string, file results.File, labels string) (
	m *imageset.Images[uint8], shown report.Images, err error) {

	f, err := idx.OpenImages(path(dir, file.Name))
	if err != nil {
		return nil, shown, err
	}
	if labels != "" {
		l, err := idx.OpenLabelsOf(f, path(dir, labels))
		if err != nil {
			return nil, shown, err
		}
		if shown.Labels, err = l.Read(); err != nil {
			return nil, shown, err
		}
	}
	if m, err = f.Read(); err != nil {
		return nil, shown, err
	}
	shown.Sample = m.Sample()
	return m, shown, nil
}

// path returns the path of a file that a program in the folder dir calls name.
func path(dir, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(dir, name)
}
