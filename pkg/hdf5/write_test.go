package hdf5

import (
	"bytes"
	"flag"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false,
	"rewrite testdata/written.h5; then run ../testdata/expect.py")

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var special = []float32{1, -2, math.MaxFloat32, float32(math.Inf(-1)), 1e-45, 0}

// everything returns a group with all that can be written.
func everything(t testing.TB) *Group {
	t.Helper()
	root := &Group{}
	must(t, root.Text("text", "plain"))
	must(t, root.Text("empty text", ""))
	must(t, root.Text("other letters", "αβγ"))
	must(t, root.Text("long text", strings.Repeat("0123456789", 10000)))
	must(t, root.Strings("list", []string{"a", "", "longer than the others", "δ"}))
	must(t, root.Strings("empty list", nil))
	must(t, root.Float32s("one value", nil, []float32{3}))
	must(t, root.Float32s("nothing", []int{2, 0}, nil))
	must(t, root.Float32s("a/b/c:0", []int{2, 3}, special))
	// Two levels of B-tree nodes.
	many, err := root.Group("many")
	must(t, err)
	for i := range 300 {
		_, err := many.Group(fmt.Sprint("group ", i))
		must(t, err)
	}
	_, err = root.Group("empty")
	must(t, err)
	return root
}

func TestWriteRead(t *testing.T) {
	f := parse(t, everything(t).Encode())
	names, err := f.Root.AttributeNames()
	must(t, err)
	want := []string{"empty list", "empty text", "list", "long text", "other letters", "text"}
	if !slices.Equal(names, want) {
		t.Errorf("attributes %q, expected %q", names, want)
	}
	for name, want := range map[string][]string{
		"text":          {"plain"},
		"empty text":    {""},
		"other letters": {"αβγ"},
		"long text":     {strings.Repeat("0123456789", 10000)},
		"list":          {"a", "", "longer than the others", "δ"},
		"empty list":    nil,
	} {
		if got, err := f.Root.Strings(name); err != nil || !slices.Equal(got, want) {
			t.Errorf("attribute %s is %q, error %v", name, got, err)
		}
	}
	for path, want := range map[string]struct {
		shape  []int
		values []float32
	}{
		"one value": {nil, []float32{3}},
		"nothing":   {[]int{2, 0}, nil},
		"a/b/c:0":   {[]int{2, 3}, special},
	} {
		o, err := f.Root.Open(path)
		must(t, err)
		values, err := o.Float32s()
		must(t, err)
		if !slices.Equal(o.Shape, want.shape) || !slices.Equal(values, want.values) {
			t.Errorf("%s is %v of shape %v, expected %v of %v",
				path, values, o.Shape, want.values, want.shape)
		}
		if n, err := o.Stored(); err != nil || n != int64(4*len(values)) {
			t.Errorf("%s is stored in %d bytes, error %v", path, n, err)
		}
		least := int64(4 * len(values))
		if n, err := o.Memory(); err != nil || n < least || n > least+scratch {
			t.Errorf("%s takes %d bytes of memory, error %v", path, n, err)
		}
	}
}

// A group of any size is found again, whole and in order.
func TestGroupSizes(t *testing.T) {
	for _, n := range []int{0, 1, 8, 9, 16, 256, 257, 900, 8192, 8193} {
		root := &Group{}
		var want []string
		for i := range n {
			want = append(want, fmt.Sprintf("%04d", i))
			_, err := root.Group(want[i])
			must(t, err)
		}
		got, err := parse(t, root.Encode()).Root.Names()
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%d groups: %d came back, error %v", n, len(got), err)
		}
	}
}

// The bytes are those of a file that the HDF5 library reads (../testdata/expected.json has it).
func TestEncodeGolden(t *testing.T) {
	const golden = "testdata/written.h5"
	got := everything(t).Encode()
	if *update {
		must(t, os.WriteFile(golden, got, 0o644))
	}
	want, err := os.ReadFile(golden)
	must(t, err)
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; see -update", golden)
	}
}

func TestWriteErrors(t *testing.T) {
	for _, tt := range []struct {
		name  string
		write func(*Group) error
	}{
		{"empty name", func(g *Group) error { _, err := g.Group(""); return err }},
		{"empty part", func(g *Group) error { _, err := g.Group("a//b"); return err }},
		{"dot", func(g *Group) error { return g.Float32s("a/.", []int{1}, []float32{1}) }},
		{"two dots", func(g *Group) error { _, err := g.Group(".."); return err }},
		{"NUL byte", func(g *Group) error { _, err := g.Group("a\x00"); return err }},
		{"no UTF-8", func(g *Group) error { _, err := g.Group("\xff"); return err }},
		{"group in data", func(g *Group) error { _, err := g.Group("data/x"); return err }},
		{"data in data", func(g *Group) error { return g.Float32s("data/x", []int{1}, []float32{1}) }},
		{"data twice", func(g *Group) error { return g.Float32s("data", []int{1}, []float32{1}) }},
		{"data over group", func(g *Group) error { return g.Float32s("group", []int{1}, []float32{1}) }},
		{"attribute twice", func(g *Group) error { return g.Text("text", "x") }},
		{"attribute without name", func(g *Group) error { return g.Text("", "x") }},
		{"NUL byte in text", func(g *Group) error { return g.Text("a", "x\x00") }},
		{"no UTF-8 in list", func(g *Group) error { return g.Strings("a", []string{"\xff"}) }},
		{"list too long", func(g *Group) error { return g.Strings("a", make([]string, maxFixed+1)) }},
	} {
		g := &Group{}
		must(t, g.Float32s("data", []int{1}, []float32{1}))
		_, err := g.Group("group")
		must(t, err)
		must(t, g.Text("text", ""))
		if tt.write(g) == nil {
			t.Errorf("%s: no error", tt.name)
		}
	}
}
