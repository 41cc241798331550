// Package argparse reads flags as Python's argparse does for the original programs
// (https://docs.python.org/3/library/argparse.html). A flag has a short and a long form, and may be
// shortened as long as it is unambiguous. Its value is given as "--flag value", "--flag=value" or
// "-dvalue".
package argparse

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"imagesimilarity/pkg/quote"
)

// A Flag takes one value or none. If it is given twice, the last value counts.
type Flag struct {
	Short, Long string // with their dashes
	Required    bool
	Help        string
	Set         func(value string) error // nil for a flag without value
	Switch      *bool                    // what a flag without value makes true
	Whole       bool                     // no beginning of its name stands for it
}

// FileName returns the Set of a flag whose value is the name of a file.
func FileName(to *string) func(string) error {
	return func(value string) error {
		if value == "" {
			return errors.New("expected the name of a file, found an empty one")
		}
		*to = value
		return nil
	}
}

// LayerName returns the Set of a flag whose value is the name of a layer.
func LayerName(to *string) func(string) error {
	return func(value string) error {
		if value == "" {
			return errors.New("expected the name of a layer, found an empty one")
		}
		*to = value
		return nil
	}
}

// Uint64 returns the Set of a flag whose value is a whole number from 0.
func Uint64(to *uint64) func(string) error {
	return func(value string) error {
		v, err := strconv.ParseUint(strings.TrimSpace(value), 10, 64)
		if err != nil {
			return fmt.Errorf("invalid value: '%s', expected a whole number from 0 to %d",
				value, uint64(math.MaxUint64))
		}
		*to = v
		return nil
	}
}

// A Parser knows the flags of one program. It adds -h and --help to them.
type Parser struct {
	Program string
	About   string // one sentence for the help text
	Flags   []Flag
}

// Run parses args for a program. If help was asked for or the arguments are wrong, it writes the
// text for that and returns true and the exit status: the program has nothing more to do.
func (p *Parser) Run(args []string, stdout, stderr io.Writer) (status int, done bool) {
	var answer Answer
	switch err := p.Parse(args); {
	case err == nil:
		return 0, false
	case errors.As(err, &answer):
		fmt.Fprint(stdout, string(answer))
		return 0, true
	case errors.Is(err, ErrHelp):
		fmt.Fprint(stdout, p.help())
		return 0, true
	default:
		return p.Refuse(err, stderr), true
	}
}

// Refuse writes the usage and why the arguments are wrong, and returns the exit status for that.
func (p *Parser) Refuse(err error, stderr io.Writer) (status int) {
	fmt.Fprintf(stderr, "%s%s: error: %v\n", p.usage(), p.Program, quote.Message(err))
	return 2
}

// ErrHelp is returned by Parse when help was asked for.
var ErrHelp = errors.New("help was asked for")

// An Answer is an error of a flag's Set: the value asks for this text, and the program has nothing
// more to do.
type Answer string

func (a Answer) Error() string { return string(a) }

// helpFlag stands for -h.
var helpFlag = Flag{Short: "-h", Long: "--help"}

// Parse stores the values of args in the flags. The errors, except ErrHelp, have argparse's words.
func (p *Parser) Parse(args []string) error {
	// Like argparse, first decide for every argument whether it is a flag: an ambiguous one is an
	// error even if a wrong argument comes before it.
	words := make([]word, len(args))
	for i, a := range args {
		if a == "--" {
			// What follows are positional arguments, which no program has.
			for j := i; j < len(args); j++ {
				words[j] = word{foreign: true}
			}
			break
		}
		var err error
		if words[i], err = p.classify(a); err != nil {
			return err
		}
	}
	var foreign []string
	given := map[string]bool{}
	for i := 0; i < len(args); i++ {
		w := words[i]
		switch {
		case w.flag == nil:
			foreign = append(foreign, args[i])
			continue
		case w.flag.Set == nil && w.attached:
			return fmt.Errorf("argument %s/%s: ignored explicit argument '%s'",
				w.flag.Short, w.flag.Long, w.value)
		case w.flag == &helpFlag:
			return ErrHelp
		case w.flag.Set == nil:
			*w.flag.Switch = true
			continue
		case !w.attached:
			if i+1 == len(args) || words[i+1].flag != nil || words[i+1].foreign {
				return fmt.Errorf("argument %s/%s: expected one argument", w.flag.Short, w.flag.Long)
			}
			i++
			w.value = args[i]
		}
		if err := w.flag.Set(w.value); err != nil {
			return fmt.Errorf("argument %s/%s: %w", w.flag.Short, w.flag.Long, err)
		}
		given[w.flag.Short] = true
	}
	var missing []string
	for _, f := range p.Flags {
		if f.Required && !given[f.Short] {
			missing = append(missing, f.Short+"/"+f.Long)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("the following arguments are required: %s", strings.Join(missing, ", "))
	}
	if len(foreign) > 0 {
		return fmt.Errorf("unrecognized arguments: %s", strings.Join(foreign, " "))
	}
	return nil
}

// A word is an argument: a flag, maybe with its value attached; or foreign, which can be neither
// a flag nor a value; or else a value.
type word struct {
	flag     *Flag
	attached bool
	value    string
	foreign  bool
}

func (p *Parser) classify(arg string) (word, error) {
	if len(arg) < 2 || arg[0] != '-' {
		return word{}, nil
	}
	name, value, attached := strings.Cut(arg, "=")
	whole := func(form string) bool { return form == arg || attached && form == name }
	if f, _ := p.find(whole); f != nil {
		return word{flag: f, attached: attached, value: value}, nil
	}
	p = p.shortened()
	f, forms := p.find(func(form string) bool { return strings.HasPrefix(form, name) })
	if arg[1] != '-' {
		// With one dash, argparse takes arg for the beginning of a name, or its first letter for a flag
		// and the rest for the value.
		short, rest := arg[:2], arg[2:]
		f, forms = p.find(func(form string) bool { return form == short || strings.HasPrefix(form, arg) })
		if f != nil && f.Short == short {
			attached, value = rest != "", rest
		} else {
			attached = false
		}
	}
	switch {
	case len(forms) > 1:
		return word{}, fmt.Errorf("ambiguous option: %s could match %s", arg, strings.Join(forms, ", "))
	case len(forms) == 1:
		return word{flag: f, attached: attached, value: value}, nil
	case negativeNumber(arg) || strings.Contains(arg, " "):
		return word{}, nil
	}
	return word{foreign: true}, nil
}

// shortened returns p without the flags that must not be shortened.
func (p *Parser) shortened() *Parser {
	flags := slices.Clone(p.Flags)
	return &Parser{Flags: slices.DeleteFunc(flags, func(f Flag) bool { return f.Whole })}
}

// find returns all forms that match, in the order of the flags, and the flag of the first form.
func (p *Parser) find(match func(form string) bool) (first *Flag, forms []string) {
	try := func(f *Flag) {
		for _, form := range []string{f.Short, f.Long} {
			if match(form) {
				forms = append(forms, form)
				if first == nil {
					first = f
				}
			}
		}
	}
	try(&helpFlag)
	for i := range p.Flags {
		try(&p.Flags[i])
	}
	return first, forms
}

// negativeNumber reports whether arg looks like -12, -1.5 or -.5, which argparse takes for a value.
func negativeNumber(arg string) bool {
	whole, fraction, point := strings.Cut(arg[1:], ".")
	digits := func(s string) bool { return strings.Trim(s, "0123456789") == "" }
	return digits(whole) && digits(fraction) && (fraction != "" || !point && whole != "")
}

// width is the longest line of a help text: argparse keeps two of 80 columns free.
const width = 78

// wrap breaks a text into lines that fit behind an indent and returns them, each with the indent
// and a line end.
func wrap(text string, indent int) string {
	var b strings.Builder
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && indent+len(line)+1+len(word) > width {
			fmt.Fprintf(&b, "%*s%s\n", indent, "", line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	fmt.Fprintf(&b, "%*s%s\n", indent, "", line)
	return b.String()
}

// usage returns the usage, wrapped at 80 columns.
func (p *Parser) usage() string {
	line := "usage: " + p.Program
	indent := strings.Repeat(" ", len(line))
	var b strings.Builder
	parts := []string{"[-h]"}
	for _, f := range p.Flags {
		parts = append(parts, "["+f.Short+f.placeholder()+"]")
	}
	for _, part := range parts {
		if len(line)+1+len(part) > width {
			b.WriteString(line + "\n")
			line = indent
		}
		line += " " + part
	}
	return b.String() + line + "\n"
}

// help returns the usage and a paragraph for each flag, wrapped at 80 columns.
func (p *Parser) help() string {
	const column = 24
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\noptions:\n", p.usage(), wrap(p.About, 0))
	fmt.Fprintf(&b, "%-*s%s\n", column, "  -h, --help", "show this help message and exit")
	for _, f := range p.Flags {
		fmt.Fprintf(&b, "  %s%s, %s%[2]s\n", f.Short, f.placeholder(), f.Long)
		b.WriteString(wrap(f.Help, column))
	}
	return b.String()
}

// placeholder returns a space and what stands for the value in the usage, the long form in
// capitals. It returns "" if the flag takes no value.
func (f *Flag) placeholder() string {
	if f.Set == nil {
		return ""
	}
	return " " + strings.ToUpper(strings.TrimPrefix(f.Long, "--"))
}
