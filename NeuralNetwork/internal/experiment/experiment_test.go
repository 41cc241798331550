package experiment

import (
	"errors"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/prompt"
)

// times matches the times at the end of a progress line.
var times = regexp.MustCompile(`\d+s \d+(s|ms|us)/step`)

// What scikit-learn's train_test_split gives, recorded for 1003 samples.
func TestSplit(t *testing.T) {
	whole := &nn.Samples{N: 1003, Labels: make([]uint8, 1003)}
	for i := range whole.Labels {
		whole.Labels[i] = uint8(i % 7)
	}
	whole.Input = func(dst []float32, index []int) error {
		for i, k := range index {
			dst[i] = float32(k)
		}
		return nil
	}
	var announced []int
	whole.Ahead = func(index []int) { announced = index }
	train, validation, err := Split(whole)
	if err != nil {
		t.Fatal(err)
	}
	if train.N != 802 || validation.N != 201 {
		t.Fatalf("%d and %d samples, want 802 and 201", train.N, validation.N)
	}
	var seen []float32
	for _, tt := range []struct {
		part *nn.Samples
		want []float32
	}{
		{train, []float32{510, 897, 133, 994, 878, 862}},
		{validation, []float32{114, 341, 0, 336, 304, 293}},
	} {
		all := make([]float32, tt.part.N)
		index := make([]int, tt.part.N)
		for i := range index {
			index[i] = i
		}
		if err := tt.part.Input(all, index); err != nil {
			t.Fatal(err)
		}
		if got := all[:len(tt.want)]; !slices.Equal(got, tt.want) {
			t.Errorf("the part begins %v, want %v", got, tt.want)
		}
		for i, k := range all {
			if tt.part.Labels[i] != uint8(int(k)%7) {
				t.Fatalf("sample %v has the label %d of another", k, tt.part.Labels[i])
			}
		}
		announced = nil
		tt.part.Ahead([]int{2, 0})
		if want := []int{int(tt.want[2]), int(tt.want[0])}; !slices.Equal(announced, want) {
			t.Errorf("samples 2, 0 are announced as %v, want %v", announced, want)
		}
		// Any samples, in any order.
		three := make([]float32, 3)
		if err := tt.part.Input(three, []int{5, 0, 5}); err != nil {
			t.Fatal(err)
		}
		if want := []float32{tt.want[5], tt.want[0], tt.want[5]}; !slices.Equal(three, want) {
			t.Errorf("samples 5, 0, 5 are %v, want %v", three, want)
		}
		seen = append(seen, all...)
	}
	slices.Sort(seen)
	for i, k := range seen {
		if k != float32(i) {
			t.Fatalf("sample %d is missing or doubled", i)
		}
	}
}

func TestAskEncoder(t *testing.T) {
	var screen strings.Builder
	lines := prompt.NewInput(strings.NewReader("101\n3\n29\n3\n16\n0\n32\n64\n"), &screen)
	e := AskEncoder(lines, 28, 20, Offered{})
	const want = "Number of convolutional layers: " +
		"Expected a whole number from 1 to 100, got \"101\".\nNumber of convolutional layers: " +
		"Convolutional filter size: " +
		"Expected a whole number from 1 to 28, got \"29\".\nConvolutional filter size: " +
		"Convolutional filters of layer 1: Convolutional filters of layer 2: " +
		"Expected a whole number from 1 to 2147483647, got \"0\".\nConvolutional filters of layer 2: " +
		"Convolutional filters of layer 3: "
	if screen.String() != want {
		t.Errorf("screen\n%s\nwant\n%s", &screen, want)
	}
	if e.FilterSize != 3 || e.FilterList() != "[16, 32, 64]" || lines.Err() != nil {
		t.Errorf("encoder %+v, list %s, error %v", e, e.FilterList(), lines.Err())
	}
}

func TestCheckMemory(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	memory.SetBudget(32 << 30)
	defer memory.SetBudget(0)
	tests := []struct {
		name    string
		filters []int
		batch   int
		want    string // of the error
	}{
		{name: "usual", filters: []int{16, 32, 64}, batch: 128},
		{name: "a million filters", filters: []int{1000000, 8}, batch: 128,
			want: "training this network in batches of 128 images needs about 6.4 TiB of memory; " +
				"at most 32 GiB are allowed"},
		{name: "all images in one batch", filters: []int{16, 32, 64}, batch: 48000,
			want: "training this network in batches of 48000 images needs about 53 GiB of memory; " +
				"at most 32 GiB are allowed"},
		{name: "as many filters as can be typed",
			filters: slices.Repeat([]int{MaxCount}, maxLayers), batch: MaxCount,
			want: "training this network in batches of 2147483647 images needs " +
				"about 7.69e+12 EiB of memory; at most 32 GiB are allowed"},
	}
	for _, tt := range tests {
		layers, err := nn.AutoencoderConfig{
			Rows: 28, Cols: 28, FilterSize: 3, Filters: tt.filters, Embedding: 10,
		}.Layers()
		if err != nil {
			t.Fatal(err)
		}
		if err = CheckMemory(layers, tt.batch, min(tt.batch, 12000)); err == nil {
			err = errors.New("")
		}
		if err.Error() != tt.want {
			t.Errorf("%s: error %q, want %q", tt.name, err, tt.want)
		}
	}
}

// A network too large for any machine is refused before a weight is made.
func TestCheckMemoryMakesNoWeights(t *testing.T) {
	layers, err := nn.ClassifierConfig{
		Rows: 28, Cols: 28, FilterSize: 28, Filters: []int{1 << 31}, Embedding: 5,
		FullyConnected: 1 << 31, Classes: 10, DropoutRate: 0.5,
	}.Layers()
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	memory.SetBudget(32 << 30)
	defer memory.SetBudget(0)
	err = CheckMemory(layers, 1, 1)
	runtime.ReadMemStats(&after)
	if err == nil || !strings.Contains(err.Error(), "at most 32 GiB are allowed") {
		t.Errorf("error %v, want one with the memory that is allowed", err)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
		t.Errorf("%d bytes of memory, want at most 1 MiB", n)
	}
}

func TestOfferAsksAgainUntilItWorksOrIsDeclined(t *testing.T) {
	full := errors.New("the disk is full")
	tests := []struct {
		name, input, screen string
		results             []error
		want                error
	}{
		{name: "declined", input: "n\n", screen: "\nSave? "},
		{name: "done", input: "y\n", screen: "\nSave? ", results: []error{nil}},
		{name: "at the second try", input: "Y\nY\n", screen: "\nSave? the disk is full\n\nSave? ",
			results: []error{full, nil}},
		{name: "given up", input: "Y\nY\nN\n",
			screen:  "\nSave? the disk is full\n\nSave? the disk is full\n\nSave? ",
			results: []error{full, full}, want: full},
		{name: "the input ends", input: "Y\n", screen: "\nSave? the disk is full\n\nSave? \n",
			results: []error{full}, want: full},
	}
	for _, tt := range tests {
		var screen strings.Builder
		left := tt.results
		err := Offer(prompt.NewInput(strings.NewReader(tt.input), &screen), "Save? ", func() error {
			r := left[0]
			left = left[1:]
			return r
		})
		if err != tt.want || screen.String() != tt.screen || len(left) > 0 {
			t.Errorf("%s: error %v, %d tries left, screen %q", tt.name, err, len(left), screen.String())
		}
	}
}

// A name with a line end stays on the line: it cannot look like another message.
func TestWritten(t *testing.T) {
	for want, names := range map[string][]string{
		"nothing":                       nil,
		`a b, c\nreduce: failed\x1b[2J`: {"a b", "c\nreduce: failed\x1b[2J"},
	} {
		if got := Written(names).String(); got != want {
			t.Errorf("%q becomes %q, expected %q", names, got, want)
		}
	}
}
