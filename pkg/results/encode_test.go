package results

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"imagesimilarity/pkg/memory/memorytest"
)

// The text is that of package json, for all kinds of documents: with values everywhere, with none,
// and with values that JSON lacks.
func TestEncodeIsPackageJSON(t *testing.T) {
	odd := &Cluster{Rounds: []ClusterRound{{
		Images: File{Name: "a\"\\\n\u2028<&>\xff", BlockPasses: 3},
		Reduced: Clustering{
			Seconds: Number(math.NaN()), OfImage: Numbers{math.Inf(1), 1e-9, math.Copysign(0, -1), 1e300},
			Medians: []Grey{nil, {}, {0, 255}}, Label: []int32{}, Sizes: []int{-1, math.MaxInt},
		},
	}}}
	all := []Document{odd}
	for _, d := range documents() {
		all = append(all, d)
		full := reflect.New(reflect.TypeOf(d).Elem()).Interface().(Document)
		fill(reflect.ValueOf(full).Elem(), new(int))
		all = append(all, full)
	}
	for _, d := range all {
		checkEncoded(t, d)
	}
}

// filled sets a value and all that it consists of to random values. Lists and pointers may be nil.
func filled(r *rand.Rand, v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Unix(r.Int64N(1<<33), 0).UTC()))
			return
		}
		for i := range v.NumField() {
			filled(r, v.Field(i))
		}
	case reflect.Pointer:
		if r.IntN(4) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			filled(r, v.Elem())
		}
	case reflect.Slice:
		n := r.IntN(5) - 1
		if n < 0 {
			return // nil
		}
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			filled(r, v.Index(i))
		}
	case reflect.String:
		v.SetString([]string{"", "a<b&c>", "\x00\u2028\xff", `"\`}[r.IntN(4)])
	case reflect.Bool:
		v.SetBool(r.IntN(2) > 0)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt((r.Int64N(3) - 1) * int64(r.Int32()))
	case reflect.Uint8:
		v.SetUint(r.Uint64N(256))
	case reflect.Uint64:
		v.SetUint(r.Uint64())
	case reflect.Float32, reflect.Float64:
		v.SetFloat([]float64{0, 1e-7, -1.5, 1e22, math.NaN(), math.Inf(-1), r.NormFloat64()}[r.IntN(7)])
	default:
		panic("a kind of value that documents did not have: " + v.Kind().String())
	}
}

// Random documents, too, have the text of package json.
func TestEncodeRandomDocuments(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		for _, d := range documents() {
			filled(r, reflect.ValueOf(d).Elem())
			checkEncoded(t, d)
		}
	}
}

// checkEncoded compares the text of a document with that of package json.
func checkEncoded(t *testing.T, d Document) {
	t.Helper()
	var got, want bytes.Buffer
	e := json.NewEncoder(&want)
	e.SetEscapeHTML(false)
	if err := e.Encode(d); err != nil {
		t.Fatal(err)
	}
	if err := encode(&got, d); err != nil || got.String() != want.String() {
		t.Fatalf("%T: %v\n%.2000s\nwant\n%.2000s", d, err, &got, &want)
	}
}

// A large document is not in memory as text, which would be several times its numbers.
func TestWritingTakesNoMemory(t *testing.T) {
	const n = 500_000
	c := Clustering{Label: make([]int32, n), OfImage: make(Numbers, n)}
	for i := range n {
		c.Label[i], c.OfImage[i] = int32(i), math.Sqrt(float64(i))
	}
	run := &Cluster{Rounds: []ClusterRound{{Reduced: c, Original: c, Network: c}}}
	peak := memorytest.Peak(func() {
		if err := Write(io.Discard, run); err != nil {
			t.Error(err)
		}
	})
	if peak > 4<<20 {
		t.Errorf("writing %d labels takes %v bytes", n, peak)
	}
}

// The first error of the writer is that of Write.
func TestWriteReturnsTheFault(t *testing.T) {
	fault := errors.New("fault")
	run := &Cluster{Rounds: []ClusterRound{{Reduced: Clustering{Label: make([]int32, 1<<20)}}}}
	left := 100_000
	err := Write(writer(func(p []byte) (int, error) {
		if left -= len(p); left < 0 {
			return 0, fault
		}
		return len(p), nil
	}), run)
	if !errors.Is(err, fault) || strings.Contains(err.Error(), "json") {
		t.Errorf("error %v, want the writer's", err)
	}
}

type writer func(p []byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }
