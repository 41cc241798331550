package main

import (
	"fmt"

	"imagesimilarity/pkg/clustering"
	"imagesimilarity/pkg/infile"
	"imagesimilarity/pkg/shard"
)

// A stage is a name on the command line.
type stage struct {
	flags []string // beside -q, -s and -found
	make  func(o *options) (shard.Stage, error)
}

var stages = map[string]stage{
	"exact": {[]string{"-neighbours"}, func(o *options) (shard.Stage, error) {
		q, err := o.images()
		if err != nil {
			return nil, err
		}
		return shard.Exact(q, o.neighbours, o.found)
	}},
	"latent": {[]string{"-neighbours"}, func(o *options) (shard.Stage, error) {
		q, err := o.images()
		if err != nil {
			return nil, err
		}
		if q.Latents == nil {
			return nil, missing("-s")
		}
		return shard.Latent(q, o.neighbours, o.found)
	}},
	"sample": {[]string{"-latents"}, func(o *options) (shard.Stage, error) {
		return shard.Sample(o.space()), nil
	}},
	"width": {[]string{"-sample"}, func(o *options) (shard.Stage, error) {
		samples, err := readAnswers("-sample", o.sample)
		if err != nil {
			return nil, err
		}
		return shard.Width(samples, o.found)
	}},
	"lsh": {[]string{"-neighbours", "-k", "-L", "-textbook", "-width"},
		func(o *options) (shard.Stage, error) {
			q, err := o.images()
			if err != nil {
				return nil, err
			}
			widths, err := readAnswers("-width", o.width)
			if err != nil {
				return nil, err
			}
			t := shard.Tables{Functions: o.functions, Tables: o.tables, Textbook: o.textbook}
			return shard.LSH(q, o.neighbours, t, widths, o.found)
		}},
	"emd": {[]string{"-neighbours", "-cell"}, func(o *options) (shard.Stage, error) {
		q, err := o.images()
		if err != nil {
			return nil, err
		}
		return shard.EMD(q, o.neighbours, o.cell, o.found)
	}},
	"distances": {[]string{"-latents", "-image"}, func(o *options) (shard.Stage, error) {
		if o.image == "" {
			return nil, missing("-image")
		}
		return shard.Distances(o.space(), o.image)
	}},
	"assign": {[]string{"-latents", "-centroids", "-before"},
		func(o *options) (shard.Stage, error) {
			if o.centroids == "" {
				return nil, missing("-centroids")
			}
			var before *shard.Labels
			if o.before != "" {
				before = &shard.Labels{Centroids: o.before, Space: o.space()}
			}
			return shard.Counts(o.space(), o.labelling(), before, true)
		}},
	"count": {[]string{"-latents", "-centroids", "-clusters"},
		func(o *options) (shard.Stage, error) {
			return shard.Counts(shard.Pixels, o.labelling(), nil, false)
		}},
	"judge": {[]string{"-latents", "-centroids", "-clusters", "-medians", "-counts", "-textbook"},
		func(o *options) (shard.Stage, error) {
			if o.medians == "" {
				return nil, missing("-medians")
			}
			counted, err := readAnswers("-counts", o.counts)
			if err != nil {
				return nil, err
			}
			return shard.Judge(o.labelling(), o.medians, counted, o.mode())
		}},
}

// space returns the space in which the stage works.
func (o *options) space() shard.Space {
	if o.latentSpace {
		return shard.Latents
	}
	return shard.Pixels
}

// labelling tells how the stage finds the clusters of images.
func (o *options) labelling() shard.Labels {
	return shard.Labels{Centroids: o.centroids, Space: o.space(), Clusters: o.clusters}
}

// mode returns the mode of clustering.
func (o *options) mode() clustering.Mode {
	if o.textbook {
		return clustering.Textbook
	}
	return clustering.Original
}

// images returns the queries, or an error if there are none.
func (o *options) images() (*shard.Queries, error) {
	if o.read == nil {
		return nil, missing("-q")
	}
	return o.read, nil
}

// readAnswers reads the file of answers that a flag names.
func readAnswers(flag, name string) (shard.Result, error) {
	if name == "" {
		return nil, missing(flag)
	}
	f, _, err := infile.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	answers, err := shard.Collect(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return answers, nil
}
