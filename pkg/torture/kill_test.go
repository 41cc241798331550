package torture

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestKilledProgramsTearNoFile kills programs at random moments. Every output file must then be
// the old one or the new one, and the next run must remove the temporary files that are left.
func TestKilledProgramsTearNoFile(t *testing.T) {
	const before = "before\n" // the content of every output file when a program starts
	const rounds = 4
	kills := scaled(3, 60)
	killed, writing, finished := 0, 0, 0
	random := rand.New(rand.NewPCG(1, 1))
	for _, s := range subjects {
		t.Run(s.name, func(t *testing.T) {
			dir := prepare(t, 40)
			s.run(t, dir, 1)
			want := map[string]string{}
			for _, name := range slices.Concat(s.same, s.grows) {
				want[name] = masked(read(t, dir, name))
			}
			start := time.Now()
			s.run(t, dir, rounds)
			whole := time.Since(start)

			for range kills {
				for _, name := range s.outputs() {
					if err := os.WriteFile(filepath.Join(dir, name), []byte(before), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				c := s.command(dir, rounds)
				if err := c.Start(); err != nil {
					t.Fatal(err)
				}
				moment := time.Duration(random.Float64() * float64(whole))
				time.Sleep(moment)
				if err := c.Process.Kill(); err != nil && !strings.Contains(err.Error(), "already finished") {
					t.Fatal(err)
				}
				if c.Wait() == nil {
					finished++
				} else {
					killed++
				}

				for _, name := range s.same {
					if got := read(t, dir, name); got != before && got != want[name] {
						t.Errorf("killed after %v: %s of %d bytes is neither the old file nor the new one of %d",
							moment, name, len(got), len(want[name]))
					}
				}
				for _, name := range s.grows {
					got := masked(read(t, dir, name))
					n := strings.Count(got, want[name])
					if got != before && (n == 0 || got != strings.Repeat(want[name], n)) {
						t.Errorf("killed after %v: %s of %d bytes has not whole rounds of %d",
							moment, name, len(got), len(want[name]))
					}
				}
				for _, name := range s.pages {
					got := read(t, dir, name)
					whole := strings.HasPrefix(got, "<!DOCTYPE html>") && strings.HasSuffix(got, "</html>\n")
					if got != before && !whole {
						t.Errorf("killed after %v: %s of %d bytes is no whole page", moment, name, len(got))
					}
				}
				if len(temporary(t, dir)) > 0 {
					writing++
				}
			}
			s.run(t, dir, 1)
			if left := temporary(t, dir); len(left) > 0 {
				t.Errorf("the next run leaves %q of the killed ones", left)
			}
		})
	}
	if *long && killed < 200 {
		t.Errorf("killed %d times, want at least 200", killed)
	}
	figure("killed at random moments",
		"%d times (%d while a file was written, %d ended before): no file torn",
		killed, writing, finished)
}

// temporary returns the temporary files in the folder dir.
func temporary(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, ".*.tmp"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}
