package torture

import (
	"fmt"
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
	const rounds = 4
	kills := scaled(3, 60)
	killed, writing, finished := 0, 0, 0
	random := rand.New(rand.NewPCG(1, 1))
	for _, s := range subjects {
		t.Run(s.name, func(t *testing.T) {
			dir := prepare(t, 40)
			s.run(t, dir, 1)
			want := s.written(t, dir)
			start := time.Now()
			s.run(t, dir, rounds)
			whole := time.Since(start)

			for range kills {
				s.makeOld(t, dir)
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

				s.untorn(t, dir, fmt.Sprint("killed after ", moment), want)
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

// before is the content of the old output files.
const before = "before\n"

// makeOld replaces all output files in dir by old ones.
func (s subject) makeOld(t *testing.T, dir string) {
	t.Helper()
	for _, name := range s.outputs() {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(before), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// written returns the contents of the output files in dir, without the times in them.
func (s subject) written(t *testing.T, dir string) map[string]string {
	t.Helper()
	content := map[string]string{}
	for _, name := range s.outputs() {
		content[name] = masked(read(t, dir, name))
	}
	return content
}

// untorn expects that each output file in dir is the old one, or a new one as in want, which holds
// the contents after one round. where tells what happened before.
func (s subject) untorn(t *testing.T, dir, where string, want map[string]string) {
	t.Helper()
	for name, got := range s.written(t, dir) {
		whole := got == before || got == want[name]
		switch {
		case slices.Contains(s.grows, name):
			n := strings.Count(got, want[name])
			whole = whole || n > 0 && got == strings.Repeat(want[name], n)
		case slices.Contains(s.pages, name):
			whole = whole || strings.HasPrefix(got, "<!DOCTYPE html>") &&
				strings.HasSuffix(got, "</html>\n")
		}
		if !whole {
			t.Errorf("%s: %s of %d bytes is neither the old file nor a new one", where, name, len(got))
		}
	}
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
