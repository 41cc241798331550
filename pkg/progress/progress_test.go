package progress

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A screen is a writer that several goroutines may use.
type screen struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func (s *screen) Len() int { return len(s.String()) }

// work tells n units, one every step of the test's own clock.
func work(told func(done, total int), n int, step time.Duration) {
	for i := range n {
		time.Sleep(step)
		told(i+1, n)
	}
}

func TestLines(t *testing.T) {
	tests := []struct {
		name string
		n    int
		step time.Duration
		want string
	}{
		{"short work is silent", 19, 100 * time.Millisecond, ""},
		{"a first line after two seconds, then the end", 40, 100 * time.Millisecond,
			"search: 20 of 40 queries (50%), 10 a second, 2s left\n" +
				"search: 40 queries in 4s\n"},
		{"a line every five seconds", 16, time.Second,
			"search: 2 of 16 queries (12%), 1 a second, 14s left\n" +
				"search: 7 of 16 queries (43%), 1 a second, 9s left\n" +
				"search: 12 of 16 queries (75%), 1 a second, 4s left\n" +
				"search: 16 queries in 16s\n"},
		{"rates large and small", 3000, 2 * time.Millisecond,
			"search: 1000 of 3000 queries (33%), 500 a second, 4s left\n" +
				"search: 3000 queries in 6s\n"},
		{"less than one a second", 3, 4 * time.Second,
			"search: 2s so far\n" +
				"search: 2 of 3 queries (66%), 0.25 a second, 4s left\n" +
				"search: 3 queries in 12s\n"},
		{"one long unit", 1, 12 * time.Second,
			"search: 2s so far\nsearch: 8s so far\nsearch: done in 12s\n"},
		{"a long unit between others", 2, 14 * time.Second,
			"search: 2s so far\nsearch: 8s so far\n" +
				"search: 1 of 2 queries (50%), 0.071 a second, 14s left\n" +
				"search: 1 of 2 queries (50%), 0.071 a second, 8s left\n" +
				"search: 1 of 2 queries (50%), 0.071 a second, 2s left\n" +
				"search: 2 queries in 28s\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out screen
				work(New(&out, false).Task("search", "queries"), test.n, test.step)
				if out.String() != test.want {
					t.Errorf("got\n%swant\n%s", out.String(), test.want)
				}
			})
		})
	}
}

func TestLateAndUselessCallsAreIgnored(t *testing.T) {
	for _, c := range []func() int{nil, columns(80)} {
		synctest.Test(t, func(t *testing.T) {
			var out screen
			told := (&Display{w: &out, columns: c}).Task("search", "queries")
			time.Sleep(time.Minute)
			synctest.Wait()
			n := out.Len()
			told(0, 0)
			told(0, 10)
			if out.Len() != n {
				t.Errorf("nothing is done, but %q", out.String())
			}
			time.Sleep(pause)
			synctest.Wait()
			told(5, 10)
			n = out.Len()
			told(3, 10)
			if out.Len() != n {
				t.Errorf("a late call was shown: %q", out.String())
			}
			told(10, 10)
			n = out.Len()
			told(10, 10)
			told(11, 10)
			if out.Len() != n {
				t.Errorf("a call after the end was shown: %q", out.String())
			}
		})
	}
}

func TestBar(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out screen
		told := (&Display{w: &out, columns: columns(80)}).Task("search", "queries")
		work(func(done, _ int) { told(done, 100) }, 19, 100*time.Millisecond)
		if out.Len() > 0 {
			t.Errorf("shown before two seconds have passed: %q", out.String())
		}
		for i := 20; i <= 99; i++ {
			time.Sleep(100 * time.Millisecond)
			told(i, 100)
		}
		states := strings.Split(out.String(), "\r")
		last := states[len(states)-1]
		want := regexp.MustCompile(`^search +99% .*\(10 queries/s\) \[9s:0s\] *$`)
		if !want.MatchString(last) {
			t.Errorf("last state %q, want it to match %s", last, want)
		}
		first := regexp.MustCompile(`20% [^(]*\(10 queries/s\) \[2s:8s\]`)
		if !first.MatchString(out.String()) {
			t.Errorf("%q, want it to match %s: rate and time left count from the start", out.String(), first)
		}
		time.Sleep(time.Second)
		told(100, 100)
		rest := out.String()[strings.LastIndex(out.String(), last)+len(last):]
		if strings.Trim(rest, "\b\r ") != "" || !strings.HasSuffix(rest, "\r") {
			t.Errorf("the bar ended with %q, want the line wiped", rest)
		}
		if strings.Contains(out.String(), "\n") {
			t.Error("the bar left its line")
		}
	})
}

func TestShortBarIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out screen
		told := (&Display{w: &out, columns: columns(80)}).Task("search", "queries")
		work(told, 19, 100*time.Millisecond)
		if out.Len() > 0 {
			t.Errorf("%q", out.String())
		}
	})
}

func TestQuiet(t *testing.T) {
	for _, c := range []func() int{nil, columns(80)} {
		synctest.Test(t, func(t *testing.T) {
			var out screen
			work((&Display{w: &out, columns: c, quiet: true}).Task("search", "queries"), 100, time.Minute)
			if out.Len() > 0 {
				t.Errorf("%q", out.String())
			}
		})
	}
}

func TestPasses(t *testing.T) {
	const lines = "k-medians: pass 3, 9 images changed, 2s\n" +
		"k-medians: pass 11, 1 image changed, 8s\n"
	for _, c := range []struct {
		display *Display
		want    string
	}{
		{&Display{}, lines},
		{&Display{columns: columns(80)}, lines},
		{&Display{quiet: true}, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			var out screen
			c.display.w = &out
			told := c.display.Passes("k-medians", "image")
			for pass := 1; pass <= 16; pass++ {
				time.Sleep(700 * time.Millisecond)
				told(pass, 12-pass)
			}
			if out.String() != c.want {
				t.Errorf("%q, want %q", out.String(), c.want)
			}
		})
	}
}

func TestManyGoroutinesTell(t *testing.T) {
	for _, c := range []func() int{nil, columns(80)} {
		var out bytes.Buffer // would be a data race were the calls not in turn
		told := (&Display{w: &out, columns: c}).Task("search", "queries")
		var wg sync.WaitGroup
		for g := range 8 {
			wg.Go(func() {
				for i := g; i < 1000; i += 8 {
					told(i+1, 1000)
				}
			})
		}
		wg.Wait()
	}
}

// gaps records the longest time between two writes to it, and to its end, since the start of a
// test's clock.
type gaps struct {
	screen
	last    time.Time
	longest time.Duration
}

func (g *gaps) Write(b []byte) (int, error) {
	g.look()
	return g.screen.Write(b)
}

func (g *gaps) look() {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	g.longest, g.last = max(g.longest, now.Sub(g.last)), now
}

// Work that tells nothing for an hour is shown from the start: every second on a terminal, every
// six seconds elsewhere. Nothing is shown of work of less than two seconds, and while the program
// rests.
func TestNoPhaseIsSilent(t *testing.T) {
	for _, c := range []struct {
		columns func() int
		most    time.Duration
	}{{nil, pause + delay}, {columns(80), patience + firstDelay}} {
		for name, begin := range map[string]func(d *Display){
			"phase":  func(d *Display) { d.Phase("reading") },
			"task":   func(d *Display) { d.Task("reading", "images") },
			"passes": func(d *Display) { d.Passes("reading", "image") },
			"a task that stops": func(d *Display) {
				told := d.Task("reading", "images")
				time.Sleep(time.Second)
				told(1, 2)
			},
		} {
			synctest.Test(t, func(t *testing.T) {
				out := &gaps{last: time.Now()}
				d := &Display{w: out, columns: c.columns}
				begin(d)
				time.Sleep(time.Hour)
				synctest.Wait()
				out.look()
				if most := max(c.most, pause+delay); name == "passes" && out.longest > most ||
					name != "passes" && out.longest > c.most+delay {
					t.Errorf("%s: silent for %v: %.200q", name, out.longest, out.String())
				}
				d.Rest()
				synctest.Wait()
				n := out.Len()
				time.Sleep(time.Hour)
				for range 100 {
					begin(d)
					time.Sleep(patience / 2)
				}
				d.Rest()
				if out.Len() != n {
					t.Errorf("%s: shown at rest: %q", name, out.String()[n:])
				}
			})
		}
	}
}

func TestPhases(t *testing.T) {
	for _, c := range []struct {
		columns func() int
		want    string
	}{
		{nil, "reading a\\x1b b: 2s so far\nreading a\\x1b b: done in 3s\nsorting: 2s so far\n" +
			"sorting: done in 3s\n"},
		{
			columns(80), "reading a\\x1b b [2s]|reading a\\x1b b [3s]|sorting [2s]|Query: 1\n|sorting [3s]|",
		},
		{columns(12), "reading a\\x1|reading a\\x1|sorting [2s]|Query: 1\n|sorting [3s]|"},
	} {
		synctest.Test(t, func(t *testing.T) {
			var out screen
			d := &Display{w: &out, columns: c.columns}
			d.Phase("reading a\x1b\nb")
			time.Sleep(3200 * time.Millisecond)
			d.Phase("sorting")
			time.Sleep(2500 * time.Millisecond)
			synctest.Wait()
			if c.columns != nil {
				io.WriteString(d.Writer(&out), "Query: 1\n")
			}
			time.Sleep(700 * time.Millisecond)
			d.Reader(strings.NewReader("Y")).Read(make([]byte, 1))
			got := out.String()
			if c.columns != nil { // what the screen showed, one state after the other
				got = regexp.MustCompile(`[\x08\r]+ *\r?`).ReplaceAllString(got, "|")
				got = strings.ReplaceAll(strings.TrimPrefix(regexp.MustCompile(` *\|+`).
					ReplaceAllString(got, "|"), "|"), "\n", "\n|")
				got = strings.ReplaceAll(got, "||", "|")
			}
			if got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func TestSayWrapsAt80Columns(t *testing.T) {
	var out bytes.Buffer
	text := "one\nWritten:" + strings.Repeat(" grün", 30) + " " + strings.Repeat("x", 90) + "\x1b end"
	New(&out, false).Say(text)
	const want = `one
Written: grün grün grün grün grün grün grün grün grün grün grün grün grün grün
  grün grün grün grün grün grün grün grün grün grün grün grün grün grün grün
  grün
  xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\x1b
  end
`
	if out.String() != want {
		t.Errorf("%s, want\n%s", out.String(), want)
	}
	out.Reset()
	New(&out, true).Say(text)
	if out.Len() > 0 {
		t.Errorf("a quiet display says %q", out.String())
	}
}

func TestFileIsNoTerminal(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if New(f, false).columns != nil {
		t.Error("a file was taken for a terminal")
	}
}

func TestBarFitsTheTerminal(t *testing.T) {
	for width, want := range map[int]string{
		80: "search  50% |████████████            | (10 queries/s) [5s:5s]",
		57: "search  50% |██████████          | (10 queries/s) [5s:5s]",
		40: "search  50% |█  | (10 queries/s) [5s:5s]",
		36: "search  50% (10 queries/s) [5s:5s]",
		20: "search  50% (10 quer",
	} {
		synctest.Test(t, func(t *testing.T) {
			var out screen
			told := (&Display{w: &out, columns: columns(width)}).Task("search", "queries")
			time.Sleep(5 * time.Second)
			told(50, 100)
			if got := out.String()[strings.LastIndex(out.String(), "\r")+1:]; got != want {
				t.Errorf("%d columns: %q, want %q", width, got, want)
			}
		})
	}
}
