package quote

import (
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
		"cannot open “a”:\nno such file": "cannot open “a”:\nno such file",
		`C:\images "b"`:                  `C:\images "b"`,
		"\x1b]0;title\a\r\xff\u202e":     `\x1b]0;title\a\r\xff\u202e`,
		"\ufffd":                         "\ufffd",
	} {
		if got := Printable(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

func FuzzQuote(f *testing.F) {
	f.Add("\x1b[31mred\u202e\xff")
	f.Fuzz(func(t *testing.T, s string) {
		for _, got := range []string{Short(s), Printable(s)} {
			for _, r := range got {
				if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
					t.Errorf("%q becomes %q", s, got)
				}
			}
		}
	})
}
