package report

import (
	"fmt"
	"html/template"
)

// A Cover is what stands first on a page of several reports: the methods, and what each gives for
// one query.
type Cover struct {
	Rows, Cols int     // of an image
	Query      []uint8 // grey levels
	File       string  // from which the query comes
	Index      int     // of the query in it
	Name       string  // of the query
	Label      int
	Methods    []Method
}

// A Method is one way to find or group similar images.
type Method struct {
	Name, Sentence string
	Article        int     // the page that reports on it, in the order of Render, from 0
	Answer         []uint8 // grey levels of the image that it gives for the query
	File           string  // from which that image comes; empty if it is no image of a file
	Index          int     // of that image in it
	Label          int     // label of that image, and -1 if it has none
	Line           string  // a few words under the image
}

// AddCover appends a row with the query and the answers of the methods, then a sentence on each
// method with a link to its report.
func (p *Page) AddCover(title string, c Cover) {
	tiles := []tile{{
		Picture: picture(c.Query, c.Rows, c.Cols), Alt: "the query, " + c.Name,
		Ask:   key{c.File, c.Index}.text(),
		Lines: []string{"query", fmt.Sprintf("label %d", c.Label)},
	}}
	for _, m := range c.Methods {
		if m.Answer == nil {
			continue
		}
		t := tile{
			Picture: picture(m.Answer, c.Rows, c.Cols), Alt: m.Name + ": " + m.Line,
			Lines: []string{m.Name, m.Line},
		}
		if m.File != "" {
			t.Ask = key{m.File, m.Index}.text()
		}
		if m.Label >= 0 {
			t.Lines = append(t.Lines, fmt.Sprintf("label %d", m.Label))
			t.Mark = mark(m.Label == c.Label)
		}
		tiles = append(tiles, t)
	}
	type entry struct {
		Method
		Link template.URL
	}
	var entries []entry
	for _, m := range c.Methods {
		entries = append(entries, entry{m, template.URL(fmt.Sprintf("#report-%d", m.Article+1))})
	}
	p.front("methods", title, execute("cover", map[string]any{
		"Query": c.Name, "Tiles": tiles, "Methods": entries,
	}))
}

// A Slip is a place in which the original departs from the algorithm that it names.
type Slip struct {
	Title, Reason      string
	Figure             string // what is measured
	Original, Textbook string // its values
}

// AddSlips appends a card for each slip.
func (p *Page) AddSlips(title, text string, slips []Slip) {
	p.front("slips", title, execute("slips", map[string]any{"Text": text, "Slips": slips}))
}

// front appends a section that belongs to no round.
func (p *Page) front(id, title string, body template.HTML) {
	s, fits := section{id, title, body}.within(&p.size)
	p.sections = append(p.sections, s)
	p.full = p.full || !fits
}
