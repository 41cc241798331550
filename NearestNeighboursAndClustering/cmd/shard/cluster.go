package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"imagesimilarity/NearestNeighboursAndClustering/internal/configuration"
	"imagesimilarity/NearestNeighboursAndClustering/internal/text"
	"imagesimilarity/pkg/clustering"
	"imagesimilarity/pkg/infile"
	"imagesimilarity/pkg/outfile"
	"imagesimilarity/pkg/shard"
)

// cluster makes the passes of cluster. For each it writes a request, as a line of JSON, and reads a
// line: the name of the file with the answers. Then it writes the text.
func cluster(args []string, stdin io.Reader, out *bufio.Writer, stderr io.Writer) (err error) {
	o, err := parse(args, []string{"-shards", "-n", "-c", "-o", "-textbook"})
	if err != nil {
		return err
	}
	for _, f := range []struct{ flag, value string }{
		{"-shards", o.shards}, {"-n", o.classes}, {"-c", o.configuration}, {"-o", o.output},
	} {
		if f.value == "" {
			return missing(f.flag)
		}
	}
	guard := outfile.NewGuard(stdin, out, stderr)
	err = guard.Check([]string{o.shards, o.classes, o.configuration}, o.output)
	if err != nil {
		return err
	}
	k, err := configuration.Read(o.configuration)
	if err != nil {
		return err
	}
	shards, err := readShards(o.shards)
	if err != nil {
		return err
	}
	n, images := shards[0].Total, shards[0].Images.Ranges[0].File
	if n > clustering.MaxImages {
		return fmt.Errorf("%s: %d images; expected at most %d", images, n, clustering.MaxImages)
	}
	if err := configuration.Check(o.configuration, k, int(n), images); err != nil {
		return err
	}
	classes, count, err := clustering.ReadClasses(o.classes, int(n))
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "shard-")
	if err != nil {
		return outfile.NamelessError("the centroids", err)
	}
	defer os.RemoveAll(folder)
	answers := bufio.NewReader(stdin)
	c := &shard.Clusterer{Shards: shards, Folder: folder, Mode: o.mode()}
	c.Ask = func(r *shard.Request) (shard.Result, error) {
		line, err := json.Marshal(r)
		if err != nil {
			return nil, err
		}
		out.Write(append(line, '\n'))
		if err := out.Flush(); err != nil {
			return nil, fmt.Errorf("cannot write the request: %w", err)
		}
		name, err := answers.ReadString('\n')
		if err != nil {
			return nil, errors.New("nobody answers any more")
		}
		return readAnswers("", strings.TrimSuffix(name, "\n"))
	}
	round, err := c.Cluster(k, classes, count)
	if err != nil {
		return err
	}
	var all bytes.Buffer
	text.Cluster(&all, round)
	return outfile.Write(o.output, func(w io.Writer) error {
		_, err := w.Write(all.Bytes())
		return err
	})
}

// readShards reads the file of the lines of all shards of a data set.
func readShards(name string) (shards []shard.Shard, err error) {
	f, _, err := infile.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	err = shard.Lines(f, func(line string) error {
		s, err := shard.Parse(line)
		if err != nil {
			return err
		}
		if s.Shard != len(shards) || len(shards) > 0 && s.Data != shards[0].Data {
			return fmt.Errorf("shard %d of %d follows %d others", s.Shard, s.Of, len(shards))
		}
		if s.Images == nil || s.Latents == nil {
			return fmt.Errorf("shard %d has not both images and latent vectors", s.Shard)
		}
		shards = append(shards, *s)
		return nil
	})
	if err == nil && (len(shards) == 0 || len(shards) != shards[0].Of) {
		err = fmt.Errorf("%d shards; expected all of a data set", len(shards))
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return shards, nil
}
