package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"

	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/quote"
	"imagesimilarity/pkg/shard"
)

// The line that ends the lines of a request.
const end = "end\n"

// serve answers requests until the standard input ends. A request is a line with the arguments of
// stages or of merge, as a JSON array, then the lines for them, then a line that says end. The
// lines of the answer are followed by one of JSON, with the seconds of processor time since the
// answer before. At the first error the program ends, as it does after a single request.
func serve(args []string, stdin io.Reader, out *bufio.Writer) error {
	if _, err := parse(args, nil); err != nil {
		return err
	}
	store := shard.NewStore(memory.Budget() / 2)
	in := bufio.NewReaderSize(stdin, 1<<16)
	used := 0.0
	for {
		line, err := in.ReadString('\n')
		if err == io.EOF && line == "" {
			return nil
		}
		if err != nil && err != io.EOF {
			return fmt.Errorf("cannot read the requests: %w", err)
		}
		var request []string
		if err != nil || json.Unmarshal([]byte(line), &request) != nil || len(request) == 0 {
			return fmt.Errorf("the line %s is no request: expected the name of stages and their flags "+
				"as a JSON array", quote.Short(line))
		}
		lines := &untilEnd{in: in}
		if err := pass(request, lines, out, store); err != nil {
			return err
		}
		now := processorTime()
		fmt.Fprintf(out, "{\"seconds\":%.6f}\n", now-used)
		used = now
		if err := out.Flush(); err != nil {
			return fmt.Errorf("cannot write the answer: %w", err)
		}
	}
}

// An untilEnd reads the lines before the one that says end.
type untilEnd struct {
	in    *bufio.Reader
	line  []byte // what is left of a line
	ended bool
}

func (u *untilEnd) Read(b []byte) (int, error) {
	if len(u.line) == 0 && !u.ended {
		line, err := u.in.ReadBytes('\n')
		switch {
		case string(line) == end:
			u.ended = true
		case err == io.EOF:
			return 0, io.ErrUnexpectedEOF
		case err != nil:
			return 0, err
		default:
			u.line = line
		}
	}
	if u.ended {
		return 0, io.EOF
	}
	n := copy(b, u.line)
	u.line = u.line[n:]
	return n, nil
}
