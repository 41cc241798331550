package outfile

import (
	"io"
	"time"
)

// Rounds writes the output files of a program that answers one question after the other. They hold
// all rounds, and each time they are written anew as a whole. So writing them after every round
// would take a time that grows with the square of the number of rounds.
//
// Rounds therefore keeps a round back for up to ten times as long as the last writing took. Before
// the program waits for input, and at its end, the files have all rounds.
type Rounds struct {
	write   func() error
	now     func() time.Time
	last    time.Time     // end of the last writing
	took    time.Duration // by the last writing
	pending bool          // a round is not written yet
	err     error         // of the first writing that failed; there is no further one
}

// NewRounds returns a Rounds that calls write to write all rounds that were added so far.
func NewRounds(write func() error) *Rounds { return &Rounds{write: write, now: time.Now} }

// Added tells that a round was added. It returns an error if the files could not be written.
func (r *Rounds) Added() error {
	r.pending = true
	if r.now().Sub(r.last) < 10*r.took {
		return r.err
	}
	return r.Flush()
}

// Flush writes the rounds that are not written yet. It returns the error of the first writing that
// failed.
func (r *Rounds) Flush() error {
	if r.pending && r.err == nil {
		r.pending = false
		start := r.now()
		r.err = r.write()
		r.last = r.now()
		r.took = r.last.Sub(start)
	}
	return r.err
}

// Before returns a reader of in that calls Flush before each read.
func (r *Rounds) Before(in io.Reader) io.Reader { return flushing{in, r} }

type flushing struct {
	in     io.Reader
	rounds *Rounds
}

func (f flushing) Read(p []byte) (int, error) {
	if err := f.rounds.Flush(); err != nil {
		return 0, err
	}
	return f.in.Read(p)
}
