package quote

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode"
)

func TestShort(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"empty", "", `""`},
		{"plain", `a "b" \`, `"a \"b\" \\"`},
		{"forty characters", strings.Repeat("ü", 40), `"` + strings.Repeat("ü", 40) + `"`},
		{"forty-one characters", strings.Repeat("ü", 41), `"` + strings.Repeat("ü", 40) + `..."`},
		{"long, no UTF-8", strings.Repeat("\xff", 1e6), `"` + strings.Repeat(`\xff`, 40) + `..."`},
		{"escape sequence", "\x1b[31mred\x1b[0m", `"\x1b[31mred\x1b[0m"`},
		{"C1 control", "\u009b31m", `"\u009b31m"`},
		{"overrides of direction", "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
			`"\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"`},
		{"spaces that are not the space", "\u00a0\u2028", `"\u00a0\u2028"`},
	} {
		if got := Short(c.in); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"cannot open “a”:\nno such file": `cannot open “a”:\nno such file`,
		`C:\images "b"`:                  `C:\images "b"`,
		"\x1b]0;title\a\r\xff\u202e":     `\x1b]0;title\a\r\xff\u202e`,
		"\ufffd":                         "\ufffd",
	} {
		if got := Printable(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

func TestMessage(t *testing.T) {
	long := strings.Repeat("x", 400_000)
	for _, c := range []struct {
		err  error
		want string
	}{
		{errors.New("cannot open ναι: no such file"), "cannot open ναι: no such file"},
		{
			errors.New("cannot open a\nb\x1b[31m\u202e: no such file"),
			`cannot open a\nb\x1b[31m\u202e: no such file`,
		},
		{errors.Join(errors.New("one\r"), errors.New("two\nlines")), "one\\r\ntwo\\nlines"},
		{fmt.Errorf("%w and %w", errors.New("one"), errors.New("two\a")), `one and two\a`},
		{
			errors.New("cannot open " + long + ": no such file"),
			"cannot open " + long[:488] + " ... " + long[:486] + ": no such file",
		},
	} {
		if got := Message(c.err); got != c.want {
			t.Errorf("%.100q becomes %.100q, want %.100q", c.err, got, c.want)
		}
	}
}

func FuzzQuote(f *testing.F) {
	f.Add("\x1b[31mred\u202e\xff")
	f.Fuzz(func(t *testing.T, s string) {
		for _, got := range []string{Short(s), Printable(s), Message(errors.New(s))} {
			for _, r := range got {
				if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
					t.Errorf("%q becomes %q", s, got)
				}
			}
		}
	})
}
