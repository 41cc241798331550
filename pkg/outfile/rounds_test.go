package outfile

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"
)

// Of 1,000 rounds that take 1 ms each, the files are written only so often that writing takes up to
// a tenth of the time, although each writing takes as long as all rounds before.
func TestWritingIsLinearInTheRounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rounds, written, writings := 0, 0, 0
		spent := time.Duration(0)
		r := NewRounds(func() error {
			took := time.Duration(rounds) * time.Millisecond
			time.Sleep(took)
			spent += took
			written = rounds
			writings++
			return nil
		})
		start := time.Now()
		for range 1000 {
			time.Sleep(time.Millisecond)
			rounds++
			if err := r.Added(); err != nil {
				t.Fatal(err)
			}
		}
		if all := time.Since(start); spent > all/8 || writings < 3 {
			t.Errorf("%d writings took %v of %v", writings, spent, all)
		}
		if err := r.Flush(); err != nil || written != 1000 {
			t.Errorf("%d rounds are written in the end, error %v", written, err)
		}
		before := writings
		if r.Flush(); writings != before {
			t.Error("the same rounds were written again")
		}
	})
}

// Rounds that take long are written at once.
func TestLongRoundsAreWrittenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		writings := 0
		r := NewRounds(func() error {
			time.Sleep(time.Second)
			writings++
			return nil
		})
		for range 10 {
			time.Sleep(10 * time.Second)
			r.Added()
		}
		if writings != 10 {
			t.Errorf("%d of 10 rounds were written at once", writings)
		}
	})
}

// Whenever the program reads, which may take for ever, all rounds are written.
func TestRoundsAreWrittenBeforeARead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rounds, written := 0, 0
		r := NewRounds(func() error {
			time.Sleep(time.Second)
			written = rounds
			return nil
		})
		in := r.Before(iotest.OneByteReader(strings.NewReader("some answers")))
		for {
			_, err := in.Read(make([]byte, 9))
			if written != rounds {
				t.Fatalf("%d of %d rounds are written at a read", written, rounds)
			}
			if err == io.EOF {
				return
			}
			rounds++
			if err := r.Added(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestRoundsKeepTheirFault(t *testing.T) {
	full, writings := errors.New("no space left"), 0
	r := NewRounds(func() error {
		writings++
		return full
	})
	in := r.Before(strings.NewReader("Y"))
	if err := r.Added(); err != full {
		t.Errorf("error %v", err)
	}
	if err := r.Added(); err != full {
		t.Errorf("error %v", err)
	}
	if _, err := in.Read(make([]byte, 1)); err != full {
		t.Errorf("error %v", err)
	}
	if err := r.Flush(); err != full || writings != 1 {
		t.Errorf("error %v after %d writings", err, writings)
	}
}
