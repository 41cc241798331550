package progress

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"
	"time"
)

// columns returns the width of a terminal that never changes.
func columns(n int) func() int { return func() int { return n } }

// testdata/progress.json holds what Keras writes on a terminal, recorded by testdata/progress.py.
func TestKeras(t *testing.T) {
	b, err := os.ReadFile("testdata/progress.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name   string
		Steps  int
		States [][]any // time in seconds, step, loss or null, validation loss or null
		Screen string
	}
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) != 12 {
		t.Fatalf("%d cases, want 12", len(cases))
	}
	number := func(v any) float64 {
		if s, ok := v.(string); ok {
			return map[string]float64{"nan": math.NaN(), "inf": math.Inf(1), "-inf": math.Inf(-1)}[s]
		}
		return v.(float64)
	}
	for _, c := range cases {
		start := time.Unix(1<<20, 0)
		clock := start
		var screen bytes.Buffer
		k := newKeras(&screen, columns(math.MaxInt), func() time.Time { return clock })
		for _, s := range c.States {
			clock = start.Add(time.Duration(number(s[0]) * 1e9))
			step, values := int(number(s[1])), ""
			if s[2] != nil {
				values += " - loss: " + KerasLoss(number(s[2]))
			}
			if s[3] != nil {
				values += " - val_loss: " + KerasLoss(number(s[3]))
			}
			final := s[3] != nil || s[2] == nil && step == c.Steps
			k.Show(step, c.Steps, final, values)
		}
		if got := screen.String(); got != c.Screen {
			t.Errorf("%s:\n%q\nwant\n%q", c.Name, got, c.Screen)
		}
	}
}

// epoch shows an epoch of 12 steps on a terminal of the given width and returns what its two
// states look like.
func epoch(width int) (middle, final string) {
	var out bytes.Buffer
	clock := time.Unix(0, 0)
	k := newKeras(&out, columns(width), func() time.Time { return clock })
	clock = clock.Add(time.Second)
	k.Show(6, 12, false, " - loss: 0.1234")
	middle = strings.Trim(out.String(), "\b\r ")
	out.Reset()
	k.Show(12, 12, true, " - loss: 0.1234 - val_loss: 5.0000e-04")
	final = strings.Trim(out.String(), "\b\r \n")
	return middle, final
}

func TestKerasFitsTheTerminal(t *testing.T) {
	for _, c := range []struct {
		width         int
		middle, final string
	}{
		{100, " 6/12 [==============>...............] - ETA: 1s - loss: 0.1234",
			"12/12 [==============================] - 1s 83ms/step - loss: 0.1234 - val_loss: 5.0000e-04"},
		{91, " 6/12 [==============>...............] - ETA: 1s - loss: 0.1234",
			"12/12 [==============================] - 1s 83ms/step - loss: 0.1234 - val_loss: 5.0000e-04"},
		{80, " 6/12 [==============>...............] - ETA: 1s - loss: 0.1234",
			"12/12 [===================] - 1s 83ms/step - loss: 0.1234 - val_loss: 5.0000e-04"},
		{60, " 6/12 [============>..............] - ETA: 1s - loss: 0.1234",
			"12/12 - 1s 83ms/step - loss: 0.1234 - val_loss: 5.0000e-04"},
		{40, " 6/12 [==>....] - ETA: 1s - loss: 0.1234",
			"12/12 - 1s 83ms/step - loss: 0.1234 - val"},
	} {
		middle, final := epoch(c.width)
		if strings.TrimSpace(c.middle) != middle {
			t.Errorf("%d columns: %q, want %q", c.width, middle, c.middle)
		}
		if final != c.final[:min(len(c.final), c.width)] {
			t.Errorf("%d columns: %q, want %q", c.width, final, c.final)
		}
	}
}

func TestNoStateIsWiderThanTheTerminal(t *testing.T) {
	for width := 1; width <= 100; width++ {
		middle, final := epoch(width)
		if len(middle) > width || len(final) > width {
			t.Errorf("%d columns: %q, %q", width, middle, final)
		}
	}
}

// A terminal that becomes narrower gets neither a longer line nor blanks beyond its width. What
// is left of the longer line is erased once.
func TestBarFollowsTheTerminalsWidth(t *testing.T) {
	var out bytes.Buffer
	clock, width := time.Unix(0, 0), 80
	k := newKeras(&out, func() int { return width }, func() time.Time { return clock })
	for step := 1; step <= 12; step++ {
		if step == 6 {
			width = 40
		}
		clock = clock.Add(time.Second)
		out.Reset()
		k.Show(step, 12, false, " - loss: 0.1234")
		text, erased := strings.CutSuffix(strings.TrimLeft(out.String(), "\b\r"), "\x1b[J")
		if got := len(text); got > width || got < 40 || erased != (step == 6) {
			t.Errorf("step %d: %d columns of %d: %q", step, got, width, out.String())
		}
	}
}

func TestKerasInAFile(t *testing.T) {
	var out bytes.Buffer
	k := NewKeras(&out)
	for step := 1; step <= 12; step++ {
		k.Show(step, 12, step == 12, " - loss: "+strings.Repeat("1", 100))
	}
	want := "12/12 [==============================] - 0s "
	got := out.String()
	oneLine := strings.HasSuffix(got, "1\n") && strings.Count(got, "\n") == 1
	if !strings.HasPrefix(got, want) || !oneLine {
		t.Errorf("%q, want one line that begins with %q", got, want)
	}
}
