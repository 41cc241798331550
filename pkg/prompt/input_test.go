package prompt

import (
	"strings"
	"testing"
	"testing/iotest"
)

// ask is a conversation of three questions, one of each kind that can be asked again.
func ask(input string) (screen string, answers []any, err error) {
	var out strings.Builder
	l := NewInput(strings.NewReader(input), &out)
	answers = []any{l.YesNo("Go (Y/N)? "), l.Int("Size: ", 1, 100), l.Share("Rate: "), l.Text("Name: ")}
	return out.String(), answers, l.Err()
}

func TestInput(t *testing.T) {
	tests := []struct {
		name, input, screen string
		yes                 bool
		size                int
		rate                float64
		text                string
		err                 string
	}{
		{
			name: "plain", input: "Y\n7\n0.25\na b\n",
			screen: "\nGo (Y/N)? Size: Rate: Name: ", yes: true, size: 7, rate: 0.25, text: "a b",
		}, {
			name: "the first answer is upper-cased, blanks around numbers and Windows line ends pass", input: "y\r\n \t+1_00 \r\n 1e-0 \r\nx\r\n",
			screen: "\nGo (Y/N)? Size: Rate: Name: ", yes: true, size: 100, rate: 1, text: "x",
		}, {
			name: "later answers are not upper-cased, and nothing but Y and N is valid", input: "yes\ny\nn\n Y\nY \n\nN\n1\n0\n\n",
			screen: "\nGo (Y/N)? " + strings.Repeat("Invalid input!\nGo (Y/N)? ", 6) + "Size: Rate: Name: ", size: 1,
		}, {
			name: "numbers are asked again", input: "N\n0\n-3\n101\n5.0\n\n99999999999999999999\n0x10\n1__0\n007\n1.1\n-0.5\nnan\ninf\n0x1p-2\n.5\nend\n",
			screen: "\nGo (Y/N)? Size: " +
				"Expected a whole number from 1 to 100, got \"0\".\nSize: " +
				"Expected a whole number from 1 to 100, got \"-3\".\nSize: " +
				"Expected a whole number from 1 to 100, got \"101\".\nSize: " +
				"Expected a whole number from 1 to 100, got \"5.0\".\nSize: " +
				"Expected a whole number from 1 to 100, got \"\".\nSize: " +
				"Expected a whole number from 1 to 100, got \"99999999999999999999\".\nSize: " +
				"Expected a whole number from 1 to 100, got \"0x10\".\nSize: " +
				"Expected a whole number from 1 to 100, got \"1__0\".\nSize: Rate: " +
				"Expected a number from 0 to 1, got \"1.1\".\nRate: " +
				"Expected a number from 0 to 1, got \"-0.5\".\nRate: " +
				"Expected a number from 0 to 1, got \"nan\".\nRate: " +
				"Expected a number from 0 to 1, got \"inf\".\nRate: " +
				"Expected a number from 0 to 1, got \"0x1p-2\".\nRate: Name: ",
			size: 7, rate: 0.5, text: "end",
		}, {
			name: "a last line without an end counts", input: "N\n3",
			screen: "\nGo (Y/N)? Size: Rate: \n", size: 3, err: `the input ended where an answer to "Rate: " was expected`,
		}, {
			name: "no input at all", input: "",
			screen: "\nGo (Y/N)? \n", err: `the input ended where an answer to "Go (Y/N)? " was expected`,
		}, {
			name: "the end of the input stands after bad answers", input: "huh\nhuh\n",
			screen: "\nGo (Y/N)? Invalid input!\nGo (Y/N)? Invalid input!\nGo (Y/N)? \n", err: `the input ended where an answer to "Go (Y/N)? " was expected`,
		}, {
			name: "a long answer is shown cut, stray bytes quoted", input: "Y\n" + strings.Repeat("a", 1e6) + "\n\xff\x00\n1\n0.5\nü\n",
			screen: "\nGo (Y/N)? Size: Expected a whole number from 1 to 100, got \"" + strings.Repeat("a", 40) + "...\".\nSize: " +
				"Expected a whole number from 1 to 100, got \"\\xff\\x00\".\nSize: Rate: Name: ",
			yes: true, size: 1, rate: 0.5, text: "ü",
		}, {
			name: "a line that does not end is given up", input: "Y\n" + strings.Repeat("a", 3<<20),
			screen: "\nGo (Y/N)? Size: \n", yes: true, err: `the answer to "Size: " is longer than 1048576 bytes`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			screen, answers, err := ask(tt.input)
			if screen != tt.screen {
				t.Errorf("screen\n%q\nwant\n%q", screen, tt.screen)
			}
			want := []any{tt.yes, tt.size, tt.rate, tt.text}
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

func TestInputSaysWhyItFailed(t *testing.T) {
	var out strings.Builder
	l := NewInput(iotest.ErrReader(iotest.ErrTimeout), &out)
	if l.YesNo("Go (Y/N)? ") {
		t.Error("yes without an answer")
	}
	if got, want := text(l.Err()), `the answer to "Go (Y/N)? " could not be read: timeout`; got != want {
		t.Errorf("error %q, want %q", got, want)
	}
}

// Whatever is typed, the conversation ends, and its answers are within their bounds.
func FuzzInput(f *testing.F) {
	for _, s := range []string{"", "Y\n7\n0.25\na\n", "y\r\n+1_00\r\n1e-1\r\nx", "huh\nN\n0\n101\n5\n2\n.5\n\xff\x00\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, input string) {
		_, answers, err := ask(input)
		size, rate, name := answers[1].(int), answers[2].(float64), answers[3].(string)
		if err == nil && size == 0 || size < 0 || size > 100 || !(rate >= 0 && rate <= 1) || strings.Contains(name, "\n") {
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
