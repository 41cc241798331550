// Package report writes what the programs found as HTML pages. A page is one file that needs nothing else: style, script, plots and pictures
// are in it, it opens from disk, follows the reader's light or dark theme, fits a phone and stays below 5 MB.
package report

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"math"
	"strconv"
	"strings"
)

// maxPage is the size in bytes up to which sections are taken into a page. The rest of the 5 MB is for what is always there:
// style, script, headings and the notices that stand for sections without room.
const maxPage = 4_700_000

// A Page is a report in the making. Title, Command and Facts say what was run; the Add methods append sections.
type Page struct {
	Title   string
	Command []string // the command line, the program first
	Facts   []Fact   // files, sizes, settings

	head     template.HTML // of a page that was read back: Command and Facts as they were written
	rounds   int           // calls of Add methods so far
	sections []section
	size     int // bytes of the sections
}

// A Fact is one line of what is known about a run.
type Fact struct{ Name, Value string }

// A section is a heading and what follows it. The id is unique in its page.
type section struct {
	ID, Title string
	Body      template.HTML
}

//go:embed page
var files embed.FS

var (
	style  = template.CSS(text("page/style.css"))
	script = template.JS(text("page/script.js"))
	policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-" + digest(string(script)) + "'"
	markup = template.Must(template.New("").Funcs(functions).ParseFS(files, "page/*.tmpl"))
)

const noRoom = "This section is left out: with it the page would be larger than 5 MB."

var functions = template.FuncMap{
	"count": count,
	"shade": shade,
}

func text(name string) string {
	b, err := files.ReadFile(name)
	if err != nil {
		panic(err) // the file is part of the program
	}
	return string(b)
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// execute fills a template. The templates and what goes into them are this package's own, so that a fault is a mistake in the program.
func execute(name string, data any) template.HTML {
	var b strings.Builder
	if err := markup.ExecuteTemplate(&b, name, data); err != nil {
		panic(err)
	}
	return template.HTML(b.String())
}

// round starts the sections of one more round of questions and answers.
func (p *Page) round() { p.rounds++ }

// add appends a section, or where the page would grow too large, a notice in its place.
func (p *Page) add(id, title string, body template.HTML) {
	if p.rounds > 1 {
		id, title = fmt.Sprintf("%s-%d", id, p.rounds), fmt.Sprintf("%s (round %d)", title, p.rounds)
	}
	p.append(section{id, title, body})
}

func (p *Page) append(s section) {
	if p.size+len(s.Body) > maxPage {
		s.Body = execute("notice", noRoom)
	}
	p.size += len(s.Body)
	p.sections = append(p.sections, s)
}

// AddTables appends a section of tables of texts.
func (p *Page) AddTables(title string, tables ...Table) {
	p.round()
	p.add("tables", title, execute("tables", tables))
}

// A Table has a heading for every column; the first column of a row names it.
type Table struct {
	Caption string
	Head    []string
	Rows    [][]string
}

// The comments that enclose what Merge takes from a page. Nothing from outside can write them, since "<" is escaped everywhere.
const (
	begin = "<!-- report begins -->"
	end   = "<!-- report ends -->"
)

// A shell is a whole page around articles.
type shell struct {
	Title    string
	Policy   string
	Style    template.CSS
	Script   template.JS
	Contents []entry
	Articles []template.HTML
}

// An entry of the table of contents; the sections of an article are one level deeper.
type entry struct {
	ID, Title string
	Deeper    bool
}

// Render writes the page.
func (p *Page) Render(w io.Writer) error {
	return render(w, p.Title, []*Page{p})
}

// render writes the pages as articles of one page.
func render(w io.Writer, title string, pages []*Page) error {
	s := shell{Title: title, Policy: policy, Style: style, Script: script}
	for i, p := range pages {
		id := fmt.Sprintf("report-%d", i+1)
		if len(pages) > 1 {
			s.Contents = append(s.Contents, entry{ID: id, Title: p.Title})
		}
		for _, section := range p.sections {
			s.Contents = append(s.Contents, entry{section.ID, section.Title, len(pages) > 1})
		}
		s.Articles = append(s.Articles, execute("article", map[string]any{
			"ID": id, "Title": p.Title, "Head": p.headed(), "Sections": p.sections,
			"Begin": template.HTML(begin), "End": template.HTML(end),
		}))
	}
	var b bytes.Buffer
	if err := markup.ExecuteTemplate(&b, "page", s); err != nil {
		panic(err) // as in execute
	}
	// Bytes that are no text, in the name of a file, say, must not make the page unreadable.
	text := strings.ToValidUTF8(strings.ReplaceAll(b.String(), "\x00", "\ufffd"), "\ufffd")
	_, err := io.WriteString(w, text)
	return err
}

// headed is what stands between the title and the sections.
func (p *Page) headed() template.HTML {
	if p.head != "" {
		return p.head
	}
	return execute("head", map[string]any{"Command": command(p.Command), "Facts": p.Facts})
}

// command is a command line as a shell would read it: an argument with other than harmless characters stands in quotes.
func command(args []string) string {
	const harmless = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_./,:=+@%"
	quoted := make([]string, len(args))
	for i, a := range args {
		if a == "" || strings.Trim(a, harmless) != "" {
			a = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
		quoted[i] = a
	}
	return strings.Join(quoted, " ")
}

// number is a number with up to six significant digits, as the programs print it; what is not finite has none.
func number(x float64) string {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return "–"
	}
	if x == math.Trunc(x) && math.Abs(x) < 1e15 {
		return count(int(x))
	}
	return strconv.FormatFloat(x, 'g', 6, 64)
}

// count is a whole number with its thousands apart.
func count(n int) string {
	s := strconv.Itoa(n)
	sign := ""
	if n < 0 {
		sign, s = "−", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// percent is a part of a whole with one decimal.
func percent(part, whole int) string {
	if whole == 0 {
		return "–"
	}
	return strconv.FormatFloat(100*float64(part)/float64(whole), 'f', 1, 64) + " %"
}

// seconds is a time with two decimals; NaN where none was measured.
func seconds(s float64) string {
	if math.IsNaN(s) {
		return "–"
	}
	return strconv.FormatFloat(s, 'f', 2, 64) + " s"
}

// sample is up to k of the numbers 0 to n-1, evenly spread, ascending.
func sample(n, k int) []int {
	k = min(n, k)
	s := make([]int, k)
	for i := range s {
		s[i] = int(int64(i) * int64(n) / int64(k))
	}
	return s
}
