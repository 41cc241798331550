package results

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"reflect"
	"strings"
	"testing"

	"imagesimilarity/pkg/memory/memorytest"
)

// The text is that of package json, for all kinds of documents: with values everywhere, with none,
// and with values that JSON lacks.
func TestEncodeIsPackageJSON(t *testing.T) {
	odd := &Cluster{Rounds: []ClusterRound{{
		Images: File{Name: "a\"\\\n\u2028<&>\xff", BlockPasses: 3},
		Reduced: Clustering{
			Seconds: Number(math.NaN()), OfImage: Numbers{math.Inf(1), 1e-9, -0.0, 1e300},
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
		var got, want bytes.Buffer
		e := json.NewEncoder(&want)
		e.SetEscapeHTML(false)
		if err := e.Encode(d); err != nil {
			t.Fatal(err)
		}
		if err := encode(&got, d); err != nil || got.String() != want.String() {
			t.Errorf("%T: %v\n%s\nwant\n%s", d, err, &got, &want)
		}
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
