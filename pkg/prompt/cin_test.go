package prompt

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"
)

func TestCinYesNo(t *testing.T) {
	invalid := func(word string) string {
		return "Invalid answer\nExpected Y or N, got \"" + word + "\".\n?"
	}
	for _, c := range []struct {
		name, in string
		want     bool
		screen   string
	}{
		{"yes", "Y\n", true, "?"},
		{"no", "N\n", false, "?"},
		{"end of input", "", false, "?"},
		{"no newline", "Y", true, "?"},
		{"carriage return", "Y\r\n", true, "?"},
		{"small letter", "y\n", true, "?"},
		{"whole word", "\v yEs \f\n", true, "?"},
		{"no in full", "NO\n", false, "?"},
		{"only the first word counts", "no Y\n", false, "?"},
		{"several on a line", "yess 1 y\n", true, "?" + invalid("yess") + invalid("1")},
		{"empty lines", "\n \t\r\v\f \nY", true, "?" + invalid("") + invalid("")},
		{"half a megabyte", strings.Repeat("Y", 1<<19) + "\nY", true,
			"?" + invalid(strings.Repeat("Y", 40)+"...")},
		{"wrong to the end", "a\nb", false, "?" + invalid("a") + invalid("b")},
		{"control characters", "\x1b[2J\u202e\u009b\nN", false, "?" + invalid(`\x1b[2J\u202e\u009b`)},
	} {
		var screen bytes.Buffer
		p := NewCin(strings.NewReader(c.in), &screen)
		if got := p.YesNo("?"); got != c.want || screen.String() != c.screen {
			t.Errorf("%s: %v with %q, want %v with %q", c.name, got, screen.String(), c.want, c.screen)
		}
		if err := p.Fault(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// Which part of a line is a path, in a folder with the files a, b, "a b" and "c d".
func TestCinPath(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"a", "b", "a b", "c d"} {
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for in, want := range map[string][]string{
		"a\nb\n":             {"a", "b"},
		" a \n\tb":           {"a", "b"},
		"b a\n":              {"b", "a"},
		"a b\nc d\n":         {"a b", "c d"}, // the longest path
		"a b c d\n":          {"a b", "c d"},
		"c d\tb\n":           {"c d", "b"},
		"a  b\n":             {"a", "b"}, // two blanks are not one
		"not there\nc d b\n": {"not there", "c d", "b"},
		"b not there\n":      {"b", "not there"},
		"a/ ./b\n":           {"a/ ./b"},
		"./a ../none b\n":    {"./a", "../none b"},
	} {
		var got []string
		p := NewCin(strings.NewReader(in), io.Discard)
		for p.Path("?", func(path string) error {
			got = append(got, path)
			return nil
		}) == nil {
		}
		if strings.Join(got, "|") != strings.Join(want, "|") {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestCinPathIsAskedAgain(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"bad", "good"} {
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	serves := func(path string) error {
		if path != "good" {
			return errors.New("no use: " + path)
		}
		return nil
	}
	var screen strings.Builder
	// A path that does not serve takes the rest of its line with it.
	input := "bad good\n\x1b[2J\n" + strings.Repeat("x", maxPath+1) + "\ngood\n\n"
	p := NewCin(strings.NewReader(input), &screen)
	if err := p.Path("?", serves); err != nil {
		t.Error(err)
	}
	want := "?no use: bad\n?no use: \\x1b[2J\n" +
		"?\"" + strings.Repeat("x", 40) + "...\": longer than 4096 bytes, which no path is\n?"
	if screen.String() != want {
		t.Errorf("screen %q, want %q", screen.String(), want)
	}
	var back *Back
	if err := p.Path("?", serves); !errors.As(err, &back) || back.Err != nil || p.Err() != nil {
		t.Errorf("an empty line: %v, %v", err, p.Err())
	}
	if err := p.Path("?", serves); !errors.Is(err, errEnded) || p.Fault() != nil {
		t.Errorf("end of the input: %v, %v", err, p.Fault())
	}
}

func TestCinFaults(t *testing.T) {
	fault := errors.New("fault")
	p := NewCin(iotest.ErrReader(fault), io.Discard)
	if p.YesNo("?") {
		t.Error("a fault of reading counts as yes")
	}
	if !errors.Is(p.Fault(), fault) {
		t.Errorf("reading: %v, want %v", p.Fault(), fault)
	}

	r, w := io.Pipe()
	r.CloseWithError(fault)
	p = NewCin(strings.NewReader("Y"), w)
	p.YesNo("?")
	if !errors.Is(p.Fault(), fault) {
		t.Errorf("writing: %v, want %v", p.Fault(), fault)
	}
}

// An answer that serves begins the count of invalid ones anew.
func TestInvalidAnswersInARow(t *testing.T) {
	few := strings.Repeat("x\n", maxMisses-1) + "N\n"
	input := strings.Repeat(few, 3) + strings.Repeat("x\n", maxMisses)
	p := NewCin(strings.NewReader(input), io.Discard)
	for round := range 3 {
		if p.YesNo("?"); p.Err() != nil {
			t.Fatalf("round %d: %v", round, p.Err())
		}
	}
	p.YesNo("?")
	if p.Fault() == nil || p.Fault().Error() != "the last 100 answers were invalid" {
		t.Errorf("error %v", p.Fault())
	}
}

// Whatever is typed, the conversation ends, and its paths are parts of lines.
func FuzzCin(f *testing.F) {
	for _, s := range []string{
		"", "Y a b N", "y\r\nYes\tN", "Y\u00a0N\xff\x00 Y a", strings.Repeat("Y", maxPath+1) + "\nN",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, input string) {
		var screen strings.Builder
		p := NewCin(strings.NewReader(input), &screen)
		for rounds := 0; p.YesNo("? "); rounds++ {
			if rounds > len(input) {
				t.Fatal("more rounds than bytes")
			}
			p.Path(": ", func(path string) error {
				if path == "" || len(path) > maxPath || strings.Trim(path, blanks) != path ||
					strings.Contains(path, "\n") || !strings.Contains(input, path) {
					t.Errorf("%q is no path", path)
				}
				if len(path)%2 == 0 {
					return errors.New(path)
				}
				return nil
			})
		}
		if err := p.Fault(); err != nil && err.Error() != "the last 100 answers were invalid" {
			t.Error(err)
		}
		if strings.ContainsAny(screen.String(), "\x1b\u202e\u009b\x00") {
			t.Errorf("screen %q", screen.String())
		}
	})
}
