// Package report shows the results of the programs as HTML pages. A page is one file that needs
// nothing else: style, script, plots and pictures are in it. It opens from disk, follows the
// reader's light or dark theme, fits a phone and stays below 5 MB.
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
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/plural"
	"imagesimilarity/pkg/results"
)

// maxPage is the size in bytes up to which sections are taken into a page. The rest of the 5 MB
// holds what is always there: style, script, headings and the notices that stand for sections
// without room.
const maxPage = 4_700_000

// A Page is the report of one run. The Add methods append the sections of a round; a page of nearly
// 5 MB takes no further rounds.
type Page struct {
	Title   string
	Command []string // the command line, the program first
	Facts   []Fact   // files, sizes, settings

	rounds      int // calls of Add methods so far
	sections    []section
	plates      []plate  // images that the reader can see and ask about
	figures     []figure // all graphs
	size        int      // bytes of the sections, and at most of the plates
	experiments Table    // a row for each round that is an experiment
	full        bool     // a section had no room; the rounds after it are left out
}

// A Fact is a name and a value: a file, a size, a setting.
type Fact struct{ Name, Value string }

// Images are the images of a set, at least those that a page shows, and the labels of all, which
// are nil if they are not known.
type Images struct {
	*imageset.Sample[uint8]
	Labels []uint8
}

// Read returns the images of a set at index, for a page. It returns an error if there is no memory
// to read them, or if they cannot be read.
func Read(s *imageset.Set[uint8], labels []uint8, index []int) (Images, error) {
	if s.Whole() == nil {
		need := float64(len(index)) * float64(s.Dim())
		if err := memory.Check(need, "showing %s of %dx%d pixels needs",
			plural.Of(len(index), "image"), s.Rows, s.Cols); err != nil {
			return Images{}, err
		}
	}
	some, err := imageset.SampleOf(s, index)
	return Images{some, labels}, err
}

// newPage returns the page of a run without any round.
func newPage(title string, run results.Header, facts ...Fact) *Page {
	return &Page{Title: title, Command: run.Command, Facts: facts}
}

// A section is a heading and what follows it. Its id is unique in its page.
type section struct {
	ID, Title string
	Body      template.HTML
}

//go:embed page
var files embed.FS

var (
	style  = template.CSS(text("page/style.css"))
	script = template.JS(text("page/script.js") + text("page/ask.js") + text("page/scatter.js"))
	markup = template.Must(template.New("").Funcs(functions).ParseFS(files, "page/*.tmpl"))
	policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; " +
		"script-src 'sha256-" + digest(string(script)) + "'"
)

const noRoom = "This section is left out: with it the page would be larger than 5 MB."

var functions = template.FuncMap{
	"count": count,
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

// execute fills a template. It panics on an error: the templates and what goes into them are
// this package's own, so an error is a mistake in the program.
func execute(name string, data any) template.HTML {
	var b strings.Builder
	if err := markup.ExecuteTemplate(&b, name, data); err != nil {
		panic(err)
	}
	return template.HTML(b.String())
}

// round starts the sections of the next round. It returns false if the page is full. One notice
// stands for all rounds that are left out.
func (p *Page) round() bool {
	const id = "later"
	p.rounds++
	if p.full && p.sections[len(p.sections)-1].ID != id {
		p.sections = append(p.sections, section{id, "Later rounds", execute("notice", fmt.Sprintf(
			"From round %d on, the rounds are left out: with them the page would be larger than 5 MB.",
			p.rounds))})
	}
	return !p.full
}

// add appends a section of the round, or a notice in its place if the page would grow too large.
func (p *Page) add(id, title string, body template.HTML) {
	if p.rounds > 1 {
		id = fmt.Sprintf("%s-%d", id, p.rounds)
		title = fmt.Sprintf("%s (round %d)", title, p.rounds)
	}
	s, fits := section{id, title, body}.within(&p.size)
	p.sections = append(p.sections, s)
	p.full = p.full || !fits
}

// within returns the section, or a notice in its place if it does not fit: the sections would take
// more than maxPage bytes with it. It adds the bytes of what it returns to size.
func (s section) within(size *int) (within section, fits bool) {
	fits = *size+s.bytes() <= maxPage
	if !fits {
		s.Body = execute("notice", noRoom)
	}
	*size += s.bytes()
	return s, fits
}

// bytes returns the number of bytes that the section takes in a page, its entry in the contents
// included.
func (s section) bytes() int {
	const markup = 150
	return len(s.Body) + 2*(len(s.ID)+len(s.Title)) + markup
}

// AddTables appends a section of tables of texts, as a round.
func (p *Page) AddTables(title string, tables ...Table) {
	if !p.round() {
		return
	}
	p.add("tables", title, execute("tables", tables))
}

// A Table has a heading for every column; the first column of a row names it.
type Table struct {
	Caption string
	Head    []string
	Rows    [][]string
}

// A shell is a whole HTML page around articles.
type shell struct {
	Title    string
	Policy   string
	Style    template.CSS
	Script   template.JS
	Contents []entry
	Atlas    *packedAtlas // images and answers for the script; nil for none
	Articles []article
}

// An article is a page without what a document has once.
type article struct {
	ID, Title, Command string
	Facts              []Fact
	Sections           []section
}

// An entry of the table of contents; the sections of an article are one level deeper.
type entry struct {
	ID, Title string
	Deeper    bool
}

// Render writes the pages as the articles of one HTML page, whose title is that of the first.
// It writes a notice in place of the sections that make the page larger than 5 MB.
func Render(w io.Writer, pages ...*Page) error {
	s := shell{Title: pages[0].Title, Policy: policy, Style: style, Script: script}
	var plates []plate
	for _, p := range pages {
		plates = append(plates, p.plates...)
	}
	atlas := newAtlas(plates)
	s.Atlas = atlas.pack()
	size := s.Atlas.bytes()
	for i, p := range pages {
		id := fmt.Sprintf("report-%d", i+1)
		if len(pages) > 1 {
			s.Contents = append(s.Contents, entry{ID: id, Title: p.Title})
		}
		sections := slices.Clone(p.compared())
		if i == 0 && len(atlas.methods) > 0 {
			at := len(sections) // after the cover of several pages, or after the summary of one
			if len(pages) == 1 {
				at = min(1, at)
			}
			sections = slices.Insert(sections, at, atlas.section())
		}
		for j, section := range sections {
			if i > 0 {
				section.ID = fmt.Sprintf("r%d-%s", i, section.ID)
			}
			sections[j], _ = section.within(&size)
			s.Contents = append(s.Contents, entry{section.ID, section.Title, len(pages) > 1})
		}
		s.Articles = append(s.Articles, article{
			id, p.Title, command(p.Command), p.Facts, sections,
		})
	}
	out := legible{w: w}
	if err := markup.ExecuteTemplate(&out, "page", s); err != nil && out.err == nil {
		panic(err) // as in execute
	}
	return out.err
}

// A legible writes a text without bytes that are no text, as the name of a file may have. No
// character may begin in one call and end in the next. It keeps the first error of w.
type legible struct {
	w   io.Writer
	err error
}

func (l *legible) Write(p []byte) (int, error) {
	const instead = "\ufffd"
	text := p
	if bytes.IndexByte(p, 0) >= 0 || !utf8.Valid(p) {
		text = bytes.ToValidUTF8(bytes.ReplaceAll(p, []byte{0}, []byte(instead)), []byte(instead))
	}
	if l.err == nil {
		_, l.err = l.w.Write(text)
	}
	return len(p), l.err
}

// command returns a command line as a shell would read it: arguments with other than harmless
// characters stand in quotes.
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

// fileFact returns the fact that names a file and the size of what is in it.
func fileFact(name string, f results.File) Fact {
	return Fact{name, fmt.Sprintf("%s: %d of %d × %d values", f.Name, f.Images, f.Rows, f.Cols)}
}

// algorithmsFact returns the fact that tells in which form the algorithms ran.
func algorithmsFact(run results.Header) Fact {
	if run.Textbook {
		return Fact{"algorithms", "the textbook's"}
	}
	return Fact{"algorithms", "the original's"}
}

// number returns a number with up to six significant digits, as the programs print it, and a dash
// for what is not finite.
func number(n results.Number) string {
	x := float64(n)
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return "–"
	}
	if x == math.Trunc(x) && math.Abs(x) < 1e15 {
		return count(int(x))
	}
	return strconv.FormatFloat(x, 'g', 6, 64)
}

// count returns a whole number with its thousands apart.
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

// percent returns a part of a whole with one decimal, and a dash if the whole is 0.
func percent(part, whole int) string {
	if whole == 0 {
		return "–"
	}
	return strconv.FormatFloat(100*float64(part)/float64(whole), 'f', 1, 64) + " %"
}

// percentage returns a share with one decimal, and a dash for what is no number.
func percentage(share results.Number) string {
	if math.IsNaN(float64(share)) {
		return "–"
	}
	return strconv.FormatFloat(100*float64(share), 'f', 1, 64) + " %"
}

// seconds returns a time with two decimals, and a dash if none was measured.
func seconds(s results.Number) string {
	if math.IsNaN(float64(s)) {
		return "–"
	}
	return strconv.FormatFloat(float64(s), 'f', 2, 64) + " s"
}

// sample returns min(n, k) of the numbers 0 to n-1, evenly spread, ascending.
func sample(n, k int) []int {
	k = min(n, k)
	s := make([]int, k)
	for i := range s {
		s[i] = int(int64(i) * int64(n) / int64(k))
	}
	return s
}
