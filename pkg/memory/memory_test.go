package memory

import (
	"errors"
	"math"
	"runtime"
	"strings"
	"sync"
	"testing"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		text string
		want int64 // 0 for an error
	}{
		{"2GiB", 2 << 30}, {"512MiB", 512 << 20}, {"1048576", 1 << 20}, {" 3 kib ", 3 << 10},
		{"1.5GiB", 3 << 29}, {"1TiB", 1 << 40}, {"1", 1}, {"1e3", 1000},
		{text: ""}, {text: "0"}, {text: "-1"}, {text: "0.5"}, {text: "GiB"}, {text: "2G"},
		{text: "2GB"}, {text: "2 GiB MiB"}, {text: "NaN"}, {text: "inf"}, {text: "8EiB"}, {text: "x"},
	} {
		got, err := Parse(c.text)
		if got != c.want || (err == nil) != (c.want > 0) {
			t.Errorf("%q: %d, %v; want %d", c.text, got, err, c.want)
		}
		if err != nil && !strings.Contains(err.Error(), "such as 2GiB") {
			t.Errorf("%q: error %q, want one with an example", c.text, err)
		}
	}
}

func TestSize(t *testing.T) {
	for bytes, want := range map[float64]string{
		0: "0 bytes", 999: "999 bytes", 1023: "0.999 KiB", 1024: "1 KiB", 3 << 29: "1.5 GiB",
		84e9: "78.2 GiB", 1e30: "8.67e+11 EiB",
	} {
		if got := Size(bytes); got != want {
			t.Errorf("%v: %q, want %q", bytes, got, want)
		}
	}
}

// A need fits to the byte, and one byte more does not.
func TestCheck(t *testing.T) {
	defer SetBudget(0)
	SetBudget(1 << 40)
	runtime.GC()
	const need = 1 << 30
	SetBudget(int64(inUse()) + need + 1<<20) // a test allocates a little itself
	if err := Check(need, "7 images need"); err != nil {
		t.Errorf("error %v for a need that fits", err)
	}
	kept := make([]byte, 2<<20)
	err := Check(need, "%d images need", 7)
	runtime.KeepAlive(kept)
	var refused *Error
	if !errors.As(err, &refused) || refused.Need != need || refused.Used < 2<<20 {
		t.Fatalf("error %+v, want one with the need and what is in use", err)
	}
	if text := err.Error(); !strings.HasPrefix(text,
		"7 images need about 1 GiB of memory besides the ") || !strings.HasSuffix(text, " are allowed") {
		t.Errorf("error %q", text)
	}
	SetBudget(need - 1)
	want := "7 images need about 1 GiB of memory; at most 1 GiB are allowed"
	if err := Check(need, "7 images need"); err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	for _, need := range []float64{1e300, math.Inf(1)} {
		if Check(need, "it needs") == nil {
			t.Errorf("a need of %v bytes is accepted", need)
		}
	}
}

// What lies in a pool does not count: nobody uses it.
func TestCheckEmptiesPools(t *testing.T) {
	defer SetBudget(0)
	var pool sync.Pool
	runtime.GC()
	SetBudget(int64(inUse()) + 320<<20) // far above the pool, or Go would collect before Check
	pixels := make([]byte, 256<<20)
	pool.Put(&pixels)
	if err := Check(128<<20, "work needs"); err != nil {
		t.Error(err)
	}
	runtime.KeepAlive(&pool)
}

// Garbage does not count.
func TestCheckCollectsGarbage(t *testing.T) {
	defer SetBudget(0)
	SetBudget(1 << 40)
	runtime.GC()
	SetBudget(int64(inUse()) + 80<<20)
	for range 20 {
		garbage := make([]byte, 32<<20)
		garbage[0] = 1
		if err := Check(32<<20, "it needs"); err != nil {
			// the last one is kept
			runtime.KeepAlive(garbage)
			t.Fatal(err)
		}
	}
}

func TestWatch(t *testing.T) {
	defer SetBudget(0)
	var seen []string
	restore := Watch(func(what string, need float64) {
		seen = append(seen, what)
		SetBudget(int64(need) - 1)
	})
	if Check(100, "%d images need", 3) == nil {
		t.Error("a need beyond the budget that Watch set is accepted")
	}
	restore()
	SetBudget(1 << 40)
	if err := Check(100, "it needs"); err != nil {
		t.Error(err)
	}
	if len(seen) != 1 || seen[0] != "3 images need" {
		t.Errorf("seen %q", seen)
	}
}

// The default leaves room on this machine, and is not all of it.
func TestDefault(t *testing.T) {
	if d := Default(); d < 1<<20 || d > 1<<50 {
		t.Errorf("%d bytes", d)
	}
}

// What will be in use later counts, and what will not be does not.
func TestCheckLater(t *testing.T) {
	defer SetBudget(0)
	SetBudget(1 << 40)
	kept := make([]byte, 16<<20)
	runtime.GC()
	SetBudget(int64(inUse()) + 8<<20)
	for more, fits := range map[float64]bool{0: true, 5 << 20: false, -5 << 20: true} {
		if err := CheckLater(more, 4<<20, "it needs"); (err == nil) != fits {
			t.Errorf("%v bytes more: %v", more, err)
		}
	}
	if err := CheckLater(-4<<20, 10<<20, "it needs"); err != nil {
		t.Error(err)
	}
	runtime.KeepAlive(kept)
}
