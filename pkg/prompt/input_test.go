package prompt

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// ask asks a question of each kind.
func ask(input string) (screen string, answers []any, err error) {
	var out strings.Builder
	l := NewInput(strings.NewReader(input), &out)
	answers = []any{l.YesNo("Go (Y/N)? "), l.Int("Size: ", 1, 100), l.Share("Rate: ")}
	name := ""
	l.Path("Name: ", func(path string) error {
		name = path
		if path == "bad\a" {
			return errors.New("no use: " + path)
		}
		return nil
	})
	return out.String(), append(answers, name), l.Err()
}

// again is the screen after invalid answers to a question.
func again(question, wanted string, answers ...string) string {
	text := question
	for _, a := range answers {
		text += wanted + ", got \"" + a + "\".\n" + question
	}
	return text
}

func TestInput(t *testing.T) {
	start := func(answers ...string) string {
		return "\n" + again("Go (Y/N)? ", "Invalid input!\nExpected Y or N", answers...)
	}
	size := func(answers ...string) string {
		return again("Size: ", "Expected a whole number from 1 to 100", answers...)
	}
	rate := func(answers ...string) string {
		return again("Rate: ", "Expected a number from 0 to 1", answers...)
	}
	fifty := slices.Repeat([]string{"-"}, 50)
	const ended = "the input ended where an answer to "
	tests := []struct {
		name, input, screen string
		yes                 bool
		size                int
		rate                float64
		path                string
		err                 string
	}{
		{
			name: "plain", input: "Y\n7\n0.25\na b\n",
			screen: start() + size() + rate() + "Name: ", yes: true, size: 7, rate: 0.25, path: "a b",
		}, {
			name: "blanks around, Windows line ends", input: " yEs\t\r\n \t+1_00 \r\n 1e-0 \r\n x  y \r\n",
			screen: start() + size() + rate() + "Name: ", yes: true, size: 100, rate: 1, path: "x  y",
		}, {
			name: "neither yes nor no", input: "yes please\n\n1\nye\nno\n1\n0\nz\n",
			screen: start("yes please", "", "1", "ye") + size() + rate() + "Name: ", size: 1, path: "z",
		}, {
			name: "numbers are asked again",
			input: "n\n0\n-3\n101\n5.0\n\n99999999999999999999\n0x10\n1__0\n007\n" +
				"1.1\n-0.5\nnan\ninf\n0x1p-2\n.5\nend\n",
			screen: start() + size("0", "-3", "101", "5.0", "", "99999999999999999999", "0x10", "1__0") +
				rate("1.1", "-0.5", "nan", "inf", "0x1p-2") + "Name: ",
			size: 7, rate: 0.5, path: "end",
		}, {
			name: "paths are asked again", input: "N\n1\n0\nbad\a\ngood\n",
			screen: start() + size() + rate() + "Name: no use: bad\\a\nName: ", size: 1, path: "good",
		}, {
			name: "an empty line is no path", input: "N\n1\n0\n \n",
			screen: start() + size() + rate() + "Name: ", size: 1,
		}, {
			name: "a last line without an end counts", input: "N\n3",
			screen: start() + size() + rate() + "\n", size: 3, err: ended + `"Rate: " was expected`,
		}, {
			name: "no input at all", input: "",
			screen: start() + "\n", err: ended + `"Go (Y/N)? " was expected`,
		}, {
			name: "the end of the input stands after bad answers", input: "huh\nhuh\n",
			screen: start("huh", "huh") + "\n",
			err: ended + `"Go (Y/N)? " was expected; ` +
				`the last one was refused: expected Y or N, got "huh"`,
		}, {
			name:   "a long answer is shown cut, stray bytes quoted",
			input:  "Y\n" + strings.Repeat("a", 1e6) + "\n\xff\x00\n1\n0.5\nü\n",
			screen: start() + size(strings.Repeat("a", 40)+"...", `\xff\x00`) + rate() + "Name: ",
			yes:    true, size: 1, rate: 0.5, path: "ü",
		}, {
			name: "a line that does not end is given up", input: "Y\n" + strings.Repeat("a", 3<<20),
			screen: start() + "Size: \n", yes: true,
			err: `the answer to "Size: " is longer than 1048576 bytes`,
		}, {
			name:   "a hundred invalid answers",
			input:  strings.Repeat("-\n", 50) + "Y\n" + strings.Repeat("-\n", 1000),
			screen: start(fifty...) + strings.TrimSuffix(size(fifty...), "Size: "),
			yes:    true, err: "the last 100 answers were invalid",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			screen, answers, err := ask(tt.input)
			if screen != tt.screen {
				t.Errorf("screen\n%q\nwant\n%q", screen, tt.screen)
			}
			want := []any{tt.yes, tt.size, tt.rate, tt.path}
			for i, got := range answers {
				if got != want[i] {
					t.Errorf("answer %d is %v, want %v", i, got, want[i])
				}
			}
			if got := text(err); got != tt.err {
				t.Errorf("error %q, want %q", got, tt.err)
			}
		})
	}
}

// A prepared answer is shown with its question. If it does not serve, the next one is read.
func TestPreparedAnswers(t *testing.T) {
	var out strings.Builder
	l := NewInput(strings.NewReader("7\nN\n"), &out)
	l.Prepare(map[string]string{"Size: ": "101", "Go (Y/N)? ": "Y", "Name: ": "a\tb"})
	path := ""
	yes, size := l.YesNo("Go (Y/N)? "), l.Int("Size: ", 1, 100)
	l.Path("Name: ", func(p string) error { path = p; return nil })
	again := l.YesNo("Go (Y/N)? ")
	const want = "\nGo (Y/N)? Y\nSize: 101\nExpected a whole number from 1 to 100, got \"101\".\n" +
		"Size: Name: a\\tb\n\nGo (Y/N)? "
	if !yes || size != 7 || path != "a\tb" || again || out.String() != want {
		t.Errorf("%v, %d, %q, %v, screen %q, want %q", yes, size, path, again, out.String(), want)
	}
}

func TestInputSaysWhyItFailed(t *testing.T) {
	var out strings.Builder
	l := NewInput(iotest.ErrReader(iotest.ErrTimeout), &out)
	if l.YesNo("Go (Y/N)? ") {
		t.Error("yes without an answer")
	}
	const want = `the answer to "Go (Y/N)? " could not be read: timeout`
	if got := text(l.Err()); got != want {
		t.Errorf("error %q, want %q", got, want)
	}
}

// Whatever is typed, the conversation ends, and its answers are within their bounds.
func FuzzInput(f *testing.F) {
	for _, s := range []string{
		"", "Y\n7\n0.25\na\n", "y\r\n+1_00\r\n1e-1\r\nx", "huh\nN\n0\n101\n5\n2\n.5\n\xff\x00\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, input string) {
		_, answers, err := ask(input)
		size, rate, name := answers[1].(int), answers[2].(float64), answers[3].(string)
		if err == nil && size == 0 || size < 0 || size > 100 || !(rate >= 0 && rate <= 1) ||
			strings.Contains(name, "\n") {
			t.Errorf("answers %v, error %v", answers, err)
		}
	})
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// The end of the input tells the refusal that still stands, and none that other answers settled.
func TestEndTellsTheRefusal(t *testing.T) {
	refuse := func(string) error { return errors.New("too large") }
	const ended = "the input ended where an answer to "
	const expected, refused = " was expected", "; the last one was refused: "
	for _, c := range []struct {
		name, input string
		ask         func(l *Input)
		want        string
	}{
		{"a number", "0\n", func(l *Input) { l.Int("Size: ", 1, 9) },
			`"Size: "` + expected + refused + `expected a whole number from 1 to 9, got "0"`},
		{"a share", "2\n", func(l *Input) { l.Share("Rate: ") },
			`"Rate: "` + expected + refused + `expected a number from 0 to 1, got "2"`},
		{"a path", "a\n", func(l *Input) { l.Path("Name: ", refuse) },
			`"Name: "` + expected + refused + "too large"},
		{"a path that is left", "Y\na\n\n", func(l *Input) {
			for l.YesNo("Go? ") {
				l.Path("Name: ", refuse)
			}
		}, `"Go? "` + expected + refused + "too large"},
		{"a group of answers", "3\n4\n", func(l *Input) {
			for l.Err() == nil {
				l.Int("Size: ", 1, 9)
				l.Reject(refuse(""))
			}
		}, `"Size: "` + expected + refused + "too large"},
		{"a part of a group is answered again", "3\n4\n5\n", func(l *Input) {
			for l.Err() == nil {
				l.Int("Size: ", 1, 9)
				l.Int("Batch: ", 1, 9)
				if l.Err() == nil {
					l.Reject(refuse(""))
				}
			}
		}, `"Batch: "` + expected + refused + "too large"},
		{"the number served then", "0\n1\n", func(l *Input) {
			l.Int("Size: ", 1, 9)
			l.Share("Rate: ")
		}, `"Rate: "` + expected},
		{"the group served then", "3\n4\n", func(l *Input) {
			l.Int("Size: ", 1, 9)
			l.Reject(refuse(""))
			l.Int("Size: ", 1, 9)
			l.YesNo("Go? ")
		}, `"Go? "` + expected},
		{"the path served then", "a\nb\n", func(l *Input) {
			l.Path("Name: ", func(path string) error {
				if path == "a" {
					return refuse(path)
				}
				return nil
			})
			l.Int("Size: ", 1, 9)
		}, `"Size: "` + expected},
		{"given up", "Y\na\n\nN\n", func(l *Input) {
			for l.YesNo("Go? ") {
				l.Path("Name: ", refuse)
			}
			l.YesNo("Again? ")
		}, `"Again? "` + expected},
	} {
		var out strings.Builder
		l := NewInput(strings.NewReader(c.input), &out)
		if c.ask(l); text(l.Err()) != ended+c.want || l.Fault() != nil {
			t.Errorf("%s: error %q, want %q", c.name, text(l.Err()), ended+c.want)
		}
	}
}
