package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"imagesimilarity/NearestNeighboursAndClustering/internal/text"
	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/outfile"
	"imagesimilarity/pkg/shard"
)

// write writes the text of a program from answers on the standard input.
func write(args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		return usageError{errors.New("a program is missing: search, emd or cluster")}
	}
	writer, ok := writers[args[0]]
	if !ok {
		return usageError{fmt.Errorf("cannot write %q; expected search, emd or cluster", args[0])}
	}
	o, err := parse(args[1:], append([]string{"-o"}, writer.flags...))
	if err != nil {
		return err
	}
	if o.output == "" {
		return missing("-o")
	}
	guard := outfile.NewGuard(stdin, stdout, stderr)
	if err := guard.Check([]string{o.dataLabels, o.queryLabels}, o.output); err != nil {
		return err
	}
	answers, err := shard.Collect(bufio.NewReader(stdin))
	if err != nil {
		return err
	}
	var all bytes.Buffer
	if err := writer.write(&all, answers, o); err != nil {
		return err
	}
	return outfile.Write(o.output, func(w io.Writer) error {
		_, err := w.Write(all.Bytes())
		return err
	})
}

// A writer writes the text of a program.
type writer struct {
	flags []string
	write func(w *bytes.Buffer, answers shard.Result, o *options) error
}

var writers = map[string]writer{
	"search": {[]string{"-textbook"}, writeSearch},
	"emd":    {[]string{"-l1", "-l2", "-textbook"}, writeEMD},
}

func writeSearch(w *bytes.Buffer, answers shard.Result, o *options) error {
	round, err := answers.Search()
	if err != nil {
		return err
	}
	text.Search(w, round, o.textbook)
	return nil
}

func writeEMD(w *bytes.Buffer, answers shard.Result, o *options) error {
	switch {
	case o.dataLabels == "":
		return missing("-l1")
	case o.queryLabels == "":
		return missing("-l2")
	}
	dataLabels, err := shard.ReadLabels(o.dataLabels)
	if err != nil {
		return err
	}
	queryLabels, err := idx.ReadLabels(o.queryLabels)
	if err != nil {
		return err
	}
	round, err := answers.EMD(queryLabels, dataLabels, o.textbook)
	if err != nil {
		return err
	}
	text.EMD(w, round)
	return nil
}
