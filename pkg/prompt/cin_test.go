package prompt

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestAgain(t *testing.T) {
	const invalid = "Invalid answer\n"
	for _, c := range []struct {
		name, in string
		want     bool
		screen   string
	}{
		{"yes", "Y\n", true, "?"},
		{"no", "N\n", false, "?"},
		{"end of input", "", false, "?"},
		{"white space only", " \t\r\n\v\f ", false, "?"},
		{"no newline", "Y", true, "?"},
		{"carriage return", "Y\r\n", true, "?"},
		{"small letters", "y n\nN", false, "?" + invalid + invalid},
		{"whole words", "Yes No Y", true, "?" + invalid + invalid},
		{"no-break space is no space", "\u00a0Y N", false, "?" + invalid},
		{"a megabyte, then yes", strings.Repeat("Y", 1<<20) + " Y", true, "?" + invalid},
		{"wrong to the end", "a b", false, "?" + invalid + invalid},
	} {
		var screen bytes.Buffer
		p := NewCin(strings.NewReader(c.in), &screen)
		if got := p.Again("?"); got != c.want || screen.String() != c.screen {
			t.Errorf("%s: %v with %q, want %v with %q", c.name, got, screen.String(), c.want, c.screen)
		}
		if err := p.Err(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestWords(t *testing.T) {
	var screen bytes.Buffer
	p := NewCin(iotest.OneByteReader(strings.NewReader(" one two\nthree")), &screen)
	for _, want := range []string{"one", "two", "three"} {
		if got, ok := p.Word(want + ": "); !ok || got != want {
			t.Errorf("%q, %v; want %q", got, ok, want)
		}
	}
	if got, ok := p.Word("more: "); ok {
		t.Errorf("%q after the end of input", got)
	}
	if want := "one: two: three: more: "; screen.String() != want {
		t.Errorf("screen %q, want %q", screen.String(), want)
	}
}

func TestFaultsAreTold(t *testing.T) {
	fault := errors.New("fault")
	p := NewCin(iotest.ErrReader(fault), io.Discard)
	if p.Again("?") {
		t.Error("a fault of reading counts as Y, want N")
	}
	if !errors.Is(p.Err(), fault) {
		t.Errorf("reading: %v, want %v", p.Err(), fault)
	}

	r, w := io.Pipe()
	r.CloseWithError(fault)
	p = NewCin(strings.NewReader("Y"), w)
	p.Again("?")
	if !errors.Is(p.Err(), fault) {
		t.Errorf("writing: %v, want %v", p.Err(), fault)
	}
}

// Whatever is typed, the conversation ends without a fault, and its words are words.
func FuzzCin(f *testing.F) {
	for _, s := range []string{"", "Y a b N", "y\r\nYes\tN", "Y\u00a0N\xff\x00 Y a", strings.Repeat("Y", maxToken+1) + " N"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, input string) {
		var screen strings.Builder
		p := NewCin(strings.NewReader(input), &screen)
		for rounds := 0; p.Again("? "); rounds++ {
			if rounds > len(input) {
				t.Fatal("more rounds than bytes")
			}
			word, ok := p.Word(": ")
			if ok != (word != "") || len(word) > maxToken || strings.ContainsAny(word, " \t\n\v\f\r") || !strings.Contains(input, word) {
				t.Errorf("%q, %v is no word", word, ok)
			}
		}
		if err := p.Err(); err != nil {
			t.Error(err)
		}
	})
}
