package main

import (
	"fmt"
	"os"

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
	"sample": {nil, func(*options) (shard.Stage, error) { return shard.Sample(), nil }},
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
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("cannot %w", err)
	}
	defer f.Close()
	answers, err := shard.Collect(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return answers, nil
}
