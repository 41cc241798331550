package results

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"imagesimilarity/pkg/outfile"
)

// documents returns an empty document of each kind.
func documents() []Document {
	return []Document{&Search{}, &EMD{}, &Cluster{}, &Reduce{}, &Classification{}}
}

// fill gives every field below v a value: lists two elements, numbers different values.
func fill(v reflect.Value, next *int) {
	*next++
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), next)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)))
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i), next)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), next)
		fill(v.Index(1), next)
	case reflect.String:
		v.SetString("<ναι> \"&\"")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Float32, reflect.Float64:
		v.SetFloat(float64(*next) + 0.1)
	case reflect.Uint8:
		v.SetUint(uint64(*next % 256))
	case reflect.Uint64:
		v.SetUint(math.MaxUint64)
	default:
		v.SetInt(int64(*next))
	}
}

// Every field comes back as it was, and the same document gives the same bytes.
func TestWriteAndRead(t *testing.T) {
	for _, d := range documents() {
		fill(reflect.ValueOf(d).Elem(), new(int))
		file := filepath.Join(t.TempDir(), "results.json")
		var texts [2][]byte
		for i := range texts {
			if err := writeFile(file, d); err != nil {
				t.Fatal(err)
			}
			texts[i], _ = os.ReadFile(file)
		}
		if !bytes.Equal(texts[0], texts[1]) || !json.Valid(texts[0]) {
			t.Errorf("%T: the document is written in two ways, or is no JSON", d)
		}
		got := reflect.New(reflect.TypeOf(d).Elem()).Interface().(Document)
		if err := Read(file, got); err != nil {
			t.Errorf("%T: %v", d, err)
		}
		if !reflect.DeepEqual(got, d) {
			t.Errorf("%T: read %+v, want %+v", d, got, d)
		}
	}
}

func TestNumbersThatJSONLacks(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	type all struct {
		N Number
		A Numbers
		V Values
		G []Grey
	}
	text, err := json.Marshal(all{
		Number(nan), Numbers{1, inf, 0.1, 1e21, 1e-7, -2}, Values{0.1, float32(-inf)},
		[]Grey{{0, 255}, nil, {}},
	})
	const want = `{"N":null,"A":[1,null,0.1,1e+21,1e-07,-2],"V":[0.1,null],"G":[[0,255],null,[]]}`
	if err != nil || string(text) != want {
		t.Errorf("%s, %v; want %s", text, err, want)
	}
	var back all
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if !math.IsNaN(float64(back.N)) || !math.IsNaN(back.A[1]) || back.A[4] != 1e-7 ||
		back.V[0] != 0.1 || back.V[1] == back.V[1] ||
		!reflect.DeepEqual(back.G, []Grey{{0, 255}, nil, {}}) {
		t.Errorf("read back as %v", back)
	}
	for _, text := range []string{
		`{"N":"1"}`, `{"A":[[]]}`, `{"V":{}}`, `{"G":[[256]]}`, `{"G":[[-1]]}`,
	} {
		if err := json.Unmarshal([]byte(text), &back); err == nil {
			t.Errorf("%s is read as %v", text, back)
		}
	}
}

func TestReadRefusesOtherDocuments(t *testing.T) {
	file := filepath.Join(t.TempDir(), "results.json")
	full := &Cluster{Rounds: make([]ClusterRound, 1)}
	if err := writeFile(file, full); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	rounds := regexp.MustCompile(`"rounds":.*`)
	replace := func(a, b string) string { return strings.Replace(string(good), a, b, 1) }
	for name, c := range map[string]struct{ text, want string }{
		"no JSON": {"{", "not a document of results: "},
		"wrong values": {replace(`"modified":false`, `"modified":"no"`),
			"the schema does not allow the value of the field build.modified: string"},
		"a large grey level": {`{"schema":1,"kind":"cluster","rounds":[{"reduced":{"medians":[[256]]}}]}`,
			": number 256"},
		"cut off":      {string(good[:len(good)/2]), "not a document of results: "},
		"other kind":   {replace(`"cluster"`, `"emd"`), `results of kind "emd"`},
		"other schema": {replace(`"schema":1`, `"schema":2`), "and schema 2; expected"},
		"no rounds": {rounds.ReplaceAllString(string(good), `"rounds":[]}`),
			"no rounds; expected at least one"},
	} {
		if err := os.WriteFile(file, []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		err := Read(file, &Cluster{})
		if err == nil || !strings.HasPrefix(err.Error(), file+": ") ||
			!strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if err := os.WriteFile(file, []byte(replace(`"kind"`, `"more":1,"kind"`)), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Read(file, &Cluster{}); err != nil {
		t.Errorf("a field more: %v", err)
	}
	err = Read(filepath.Join(t.TempDir(), "missing"), &Cluster{})
	if !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "cannot open ") {
		t.Errorf("a missing file: %v", err)
	}
}

// structs adds the struct types that the type reaches, by name.
func structs(t reflect.Type, all map[string]reflect.Type) {
	switch {
	case t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer:
		structs(t.Elem(), all)
	case t.Kind() == reflect.Struct && t != reflect.TypeFor[time.Time]():
		all[t.Name()] = t
		for i := range t.NumField() {
			structs(t.Field(i).Type, all)
		}
	}
}

// typeName returns what README.md calls the JSON form of a type.
func typeName(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[time.Time]():
		return "time"
	case reflect.TypeFor[Number]():
		return "number or null"
	case reflect.TypeFor[Numbers](), reflect.TypeFor[Values]():
		return "list of number or null"
	case reflect.TypeFor[Grey]():
		return "list of whole number, or null"
	}
	switch t.Kind() {
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "list of " + typeName(t.Elem())
	case reflect.Pointer:
		return typeName(t.Elem()) + " or null"
	case reflect.Struct:
		return t.Name()
	}
	return "whole number"
}

// README.md has a section for every struct and in its table a row for every field, in order, with
// the field's type and meaning.
func TestEveryFieldIsDocumented(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string][]string{}
	section := ""
	row := regexp.MustCompile("^\\| `([^`]+)` \\| ([^|]+) \\| [^|]{8,} \\|$")
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "### "); ok {
			section = name
		}
		if m := row.FindStringSubmatch(line); m != nil {
			documented[section] = append(documented[section], m[1]+": "+m[2])
		} else if strings.HasPrefix(line, "| `") {
			t.Errorf("not a row of three columns: %s", line)
		}
	}
	all := map[string]reflect.Type{}
	for _, d := range documents() {
		structs(reflect.TypeOf(d), all)
	}
	for name, s := range all {
		var want []string
		for i := range s.NumField() {
			f := s.Field(i)
			if f.Anonymous {
				want = append(want, "…: "+f.Type.Name())
			} else {
				name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
				want = append(want, name+": "+typeName(f.Type))
			}
		}
		if got := documented[name]; !slices.Equal(got, want) {
			t.Errorf("README.md, section %s has the fields\n%s\nwant\n%s",
				name, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		delete(documented, name)
	}
	for name := range documented {
		t.Errorf("README.md describes %s, which no document has", name)
	}
}

func writeFile(name string, d Document) error {
	return outfile.Write(name, func(w io.Writer) error { return Write(w, d) })
}
