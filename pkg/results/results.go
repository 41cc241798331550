// Package results holds what the programs find as values: one struct for each kind of run, with
// every figure of its text and of its HTML page. The program computes a figure once; what writes
// the text and package report only show it.
//
// Write stores a run as a JSON document, whose fields README.md describes. Read reads it back.
package results

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"imagesimilarity/pkg/imageset"
)

// Schema is the version of the documents. It grows by 1 whenever a field is removed or changes
// its meaning; a field that is only added leaves it as it is.
const Schema = 1

// A Header begins every document. Write sets Schema and Kind.
type Header struct {
	Schema   int       `json:"schema"`
	Kind     string    `json:"kind"`
	Command  []string  `json:"command"` // the program and its arguments
	Textbook bool      `json:"textbook"`
	Started  time.Time `json:"started"`
	Build    Build     `json:"build"`
}

// A Build describes the binary that ran.
type Build struct {
	Go       string `json:"go"`
	Module   string `json:"module"`
	Version  string `json:"version"`
	Revision string `json:"revision"`
	Modified bool   `json:"modified"`
	OS       string `json:"os"`
	Arch     string `json:"arch"`
}

// NewHeader returns the header of a run that starts now.
func NewHeader(program string, args []string, textbook bool) Header {
	return Header{
		Command:  append([]string{program}, args...),
		Textbook: textbook,
		Started:  time.Now().UTC().Truncate(time.Second),
		Build:    build(),
	}
}

func build() Build {
	b := Build{Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	b.Module, b.Version = info.Main.Path, info.Main.Version
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

// A Document is a run that can be written and read: *Search, *EMD, *Cluster, *Reduce or
// *Classification.
type Document interface {
	header() *Header
	kind() string
	rounds() int
}

func (h *Header) header() *Header { return h }

// Write writes the document as JSON. Equal documents give equal bytes. Lists of numbers are written
// as they are encoded, so that the text is never in memory as a whole.
func Write(w io.Writer, d Document) error {
	h := d.header()
	h.Schema, h.Kind = Schema, d.kind()
	return encode(w, d)
}

// Read reads the named file into d, which must be a new document. It passes over fields that it
// does not know. It returns an error if the document is of another kind or schema, or if it has no
// rounds.
func Read(name string, d Document) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("cannot %w", err) // open or read, the name, and why
	}
	var h Header
	if err := json.Unmarshal(text, &h); err != nil {
		return malformed(name, err)
	}
	if h.Schema != Schema || h.Kind != d.kind() {
		return fmt.Errorf("%s: results of kind %q and schema %d; expected kind %q and schema %d",
			name, h.Kind, h.Schema, d.kind(), Schema)
	}
	if err := json.Unmarshal(text, d); err != nil {
		return malformed(name, err)
	}
	if d.rounds() == 0 {
		return fmt.Errorf("%s: no rounds; expected at least one", name)
	}
	return nil
}

// malformed returns the error of a document in which encoding/json found err. It names the field as
// the document does, not the type of Go that the value does not fit.
func malformed(name string, err error) error {
	if t := (*json.UnmarshalTypeError)(nil); errors.As(err, &t) {
		field := "a field"
		if t.Field != "" {
			field = "the field " + t.Field
		}
		return fmt.Errorf("%s: not a document of results: the schema does not allow the value of %s: %s",
			name, field, t.Value)
	}
	return fmt.Errorf("%s: not a document of results: %w", name, err)
}

// A File is a file of images or of latent vectors and the size of what is in it.
type File struct {
	Name   string `json:"name"`
	Images int    `json:"images"`
	Rows   int    `json:"rows"`
	Cols   int    `json:"columns"`

	// BlockPasses counts how often the values were read from the file, block by block from beginning
	// to end. It is 0 if they were kept in memory, and then not written.
	BlockPasses int `json:"block_passes,omitempty"`
}

// FileOf returns the description of a file that holds the images of a set.
func FileOf[P uint8 | uint16](name string, s *imageset.Set[P]) File {
	return File{Name: name, Images: s.N, Rows: s.Rows, Cols: s.Cols}
}
