package report

import (
	"errors"
	"fmt"
	"html"
	"html/template"
	"io"
	"regexp"
	"strings"
)

var errNoReport = errors.New("not a report page: it lacks the comments that enclose a report")

// What articles and sections begin with in page/page.tmpl; titles and ids are escaped there.
var (
	headLine    = regexp.MustCompile(`(?s)<header><h1>([^<]*)</h1>(.*?)</header>`)
	sectionLine = regexp.MustCompile(`(?s)<section id="([a-z0-9-]+)"><h2>([^<]*)</h2>(.*?)</section>`)
)

// Merge writes the cover and the pages that Render wrote as one page with a table of contents. Sections beyond 5 MB are left out with a notice.
func Merge(w io.Writer, cover *Page, pages ...[]byte) error {
	merged := []*Page{cover}
	size := cover.size
	for i, b := range pages {
		p, err := parse(string(b), fmt.Sprintf("r%d-", i+1), size)
		if err != nil {
			return fmt.Errorf("page %d: %w", i+1, err)
		}
		size = p.size
		merged = append(merged, p)
	}
	return render(w, cover.Title, merged)
}

// parse takes a page apart again. The ids of its sections get the prefix; its size starts at size, that of the pages before it.
func parse(page, prefix string, size int) (*Page, error) {
	_, article, ok := strings.Cut(page, begin)
	if !ok {
		return nil, errNoReport
	}
	article, _, ok = strings.Cut(article, end)
	head := headLine.FindStringSubmatch(article)
	if !ok || head == nil {
		return nil, errNoReport
	}
	p := &Page{Title: html.UnescapeString(head[1]), head: template.HTML(head[2]), size: size}
	for _, m := range sectionLine.FindAllStringSubmatch(article, -1) {
		p.append(section{prefix + m[1], html.UnescapeString(m[2]), template.HTML(m[3])})
	}
	return p, nil
}
