package shard

import (
	"bufio"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"imagesimilarity/pkg/quote"
)

// An Answer is what a stage found in some shards. On its way it is a line of fields with tabs
// between them: key, run, shards and the value in base64. Answers with the same key are merged.
type Answer struct {
	Stage  string // the kind of the value
	Block  int    // part of the result, such as a block of queries
	Run    string // checksums of the cut and of what else the value depends on, except for the shards
	Shards Set
	Value  []byte
}

// Key returns the name of the part of the result. Keys in the order of their bytes are in the order
// of the blocks.
func (a *Answer) Key() string { return fmt.Sprintf("%s.%010d", a.Stage, a.Block) }

// Line returns the answer as a line without its end.
func (a *Answer) Line() string {
	return a.Key() + "\t" + a.Run + "\t" + a.Shards.String() + "\t" +
		base64.StdEncoding.EncodeToString(a.Value)
}

// ParseAnswer reads an answer from a line.
func ParseAnswer(line string) (*Answer, error) {
	fault := func(what string) error {
		return fmt.Errorf("the line %s is no answer: %s", quote.Short(line), what)
	}
	fields := strings.Split(line, "\t")
	if len(fields) != 4 {
		return nil, fault("expected four fields with tabs between them")
	}
	a := &Answer{Run: fields[1]}
	stage, block, ok := strings.Cut(fields[0], ".")
	a.Stage = stage
	if _, known := mergers[stage]; !known || !ok {
		return nil, fault("its key is unknown")
	}
	var err error
	if a.Block, err = strconv.Atoi(block); err != nil || a.Block < 0 {
		return nil, fault("its key is unknown")
	}
	if a.Shards, err = parseSet(fields[2]); err != nil {
		return nil, fault(err.Error())
	}
	if a.Value, err = base64.StdEncoding.DecodeString(fields[3]); err != nil {
		return nil, fault("its value is no base64")
	}
	return a, nil
}

// A Set is some of the shards of a data set.
type Set struct {
	Of   int
	runs []run
}

// A run is the numbers from first to last.
type run struct{ first, last int }

// SetOf returns the set of one shard.
func SetOf(s *Shard) Set { return Set{s.Of, []run{{s.Shard, s.Shard}}} }

// Whole reports whether all shards are in the set.
func (s Set) Whole() bool { return len(s.runs) == 1 && s.runs[0] == run{0, s.Of - 1} }

// missing returns the first shard that is not in the set.
func (s Set) missing() int {
	if len(s.runs) == 0 || s.runs[0].first > 0 {
		return 0
	}
	return s.runs[0].last + 1
}

// String returns the set as text, such as 0-4,7/20.
func (s Set) String() string {
	var b []byte
	for i, r := range s.runs {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(r.first), 10)
		if r.last > r.first {
			b = append(b, '-')
			b = strconv.AppendInt(b, int64(r.last), 10)
		}
	}
	return string(b) + "/" + strconv.Itoa(s.Of)
}

func parseSet(text string) (Set, error) {
	wrong := errors.New("its shards are unknown")
	list, of, ok := strings.Cut(text, "/")
	n, err := strconv.Atoi(of)
	if !ok || err != nil || n < 1 {
		return Set{}, wrong
	}
	s := Set{Of: n}
	end := 0
	for one := range strings.SplitSeq(list, ",") {
		first, last, several := strings.Cut(one, "-")
		if !several {
			last = first
		}
		a, err1 := strconv.Atoi(first)
		b, err2 := strconv.Atoi(last)
		if err1 != nil || err2 != nil || a < end || b < a || b >= n {
			return Set{}, wrong
		}
		s.runs = append(s.runs, run{a, b})
		end = b + 1
	}
	return s, nil
}

// union returns the shards in one of the sets.
func (s Set) union(t Set) Set {
	all := slices.Concat(s.runs, t.runs)
	slices.SortFunc(all, func(a, b run) int { return a.first - b.first })
	u := Set{Of: s.Of}
	for _, r := range all {
		if last := len(u.runs) - 1; last >= 0 && r.first <= u.runs[last].last+1 {
			u.runs[last].last = max(u.runs[last].last, r.last)
			continue
		}
		u.runs = append(u.runs, r)
	}
	return u
}

// size returns the number of shards in the set.
func (s Set) size() (n int) {
	for _, r := range s.runs {
		n += r.last - r.first + 1
	}
	return n
}

// A merger merges two values of a stage.
type merger struct {
	merge func(a, b []byte) ([]byte, error)
	// repeats is true if a shard may be in both values. Sums must not count a shard twice.
	repeats bool
}

// merge returns the answer of the shards of both answers, which have the same key. It does not
// depend on their order. If one covers the shards of the other, that one is the result.
func merge(a, b *Answer) (*Answer, error) {
	if a.Run != b.Run || a.Shards.Of != b.Shards.Of {
		return nil, fmt.Errorf("answers %s of different runs, %s and %s, cannot be merged: "+
			"the data set, the queries or the flags are not the same", a.Key(), a.Run, b.Run)
	}
	both := a.Shards.union(b.Shards)
	switch n := both.size(); {
	case n == a.Shards.size():
		return a, nil
	case n == b.Shards.size():
		return b, nil
	case n < a.Shards.size()+b.Shards.size() && !mergers[a.Stage].repeats:
		return nil, fmt.Errorf("answers %s of the shards %v and %v cannot be added: "+
			"some shards are in both", a.Key(), a.Shards, b.Shards)
	}
	value, err := mergers[a.Stage].merge(a.Value, b.Value)
	if err != nil {
		return nil, fmt.Errorf("answers %s of the shards %v and %v cannot be merged: %w",
			a.Key(), a.Shards, b.Shards, err)
	}
	return &Answer{a.Stage, a.Block, a.Run, both, value}, nil
}

// Merge merges the answers in lines with the same key that follow each other, as in sorted lines,
// and calls visit for each result.
func Merge(lines io.Reader, visit func(*Answer) error) error {
	var now *Answer
	err := Lines(lines, func(line string) error {
		a, err := ParseAnswer(line)
		switch {
		case err != nil:
			return err
		case now == nil:
		case now.Stage == a.Stage && now.Block == a.Block:
			a, err = merge(now, a)
		default:
			err = visit(now)
		}
		now = a
		return err
	})
	if err == nil && now != nil {
		err = visit(now)
	}
	return err
}

// Lines calls visit for each line without its end. A line may be long. Empty lines are left out.
func Lines(r io.Reader, visit func(line string) error) error {
	in := bufio.NewReaderSize(r, 1<<16)
	for {
		line, err := in.ReadString('\n')
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			if err := visit(line); err != nil {
				return err
			}
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return fmt.Errorf("cannot read the lines: %w", err)
		}
	}
}

// A Result is the merged answers of all shards.
type Result map[string][]*Answer

// Collect merges answers in any order. It returns an error if a shard's answer is missing, or if
// the answers are not of the same cut.
func Collect(lines io.Reader) (Result, error) {
	all := Result{}
	err := Lines(lines, func(line string) error {
		a, err := ParseAnswer(line)
		if err != nil {
			return err
		}
		return all.add(a)
	})
	return all, err
}

func (r Result) add(a *Answer) error {
	list := r[a.Stage]
	at, known := slices.BinarySearchFunc(list, a.Block, func(x *Answer, block int) int {
		return x.Block - block
	})
	if !known {
		r[a.Stage] = slices.Insert(list, at, a)
		return nil
	}
	both, err := merge(list[at], a)
	if err == nil {
		list[at] = both
	}
	return err
}

// answers returns the answers of a stage that cover all shards, and the cut that they are of. It
// returns an error if there are none, if one is missing, or if a shard is missing in one.
func (r Result) answers(stage string) ([]*Answer, error) {
	list := r[stage]
	if len(list) == 0 {
		return nil, fmt.Errorf("there are no answers of the stage %q", stage)
	}
	for i, a := range list {
		switch {
		case a.Block != i:
			return nil, fmt.Errorf("the answer %s is missing", (&Answer{Stage: stage, Block: i}).Key())
		case a.Run != list[0].Run:
			return nil, fmt.Errorf("answers %s and %s are of different runs, %s and %s",
				list[0].Key(), a.Key(), list[0].Run, a.Run)
		case !a.Shards.Whole():
			return nil, fmt.Errorf("%s: the answer of shard %d of %d is missing",
				a.Key(), a.Shards.missing(), a.Shards.Of)
		}
	}
	return list, nil
}
