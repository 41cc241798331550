package torture

import (
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
)

// TestSameAnswerEverywhere runs every program with each instruction set and on several numbers of
// cores. All must write and show the same, times aside.
func TestSameAnswerEverywhere(t *testing.T) {
	type set struct{ name, debug string }
	sets := []set{{"what the processor has", ""}}
	if runtime.GOARCH == "amd64" {
		sets = append(sets,
			set{"AVX2", "GODEBUG=cpu.avx512f=off"},
			set{"portable", "GODEBUG=cpu.avx512f=off,cpu.avx2=off"})
	}
	cores := []int{1, 3}
	if *long {
		cores = []int{1, 2, 3, 8}
	}
	runs := 0
	for _, s := range subjects {
		t.Run(s.name, func(t *testing.T) {
			dir := prepare(t, scaled(60, 400))
			want := map[string]string{}
			for _, set := range sets {
				for _, n := range cores {
					runs++
					screen := s.run(t, dir, 1, fmt.Sprintf("GOMAXPROCS=%d", n), set.debug)
					got := map[string]string{"the screen": masked(screen)}
					for _, name := range slices.Concat(s.same, s.grows) {
						got[name] = masked(read(t, dir, name))
					}
					if len(want) == 0 {
						want = got
					}
					for name := range got {
						if got[name] != want[name] {
							t.Errorf("%s, %d cores: %s is another", set.name, n, name)
						}
					}
				}
			}
			if left, err := filepath.Glob(filepath.Join(dir, ".*.tmp")); err != nil || len(left) > 0 {
				t.Errorf("left behind %q, %v", left, err)
			}
		})
	}
	figure("same bytes", "%d runs: %d instruction sets, GOMAXPROCS %v, %d programs and modes",
		runs, len(sets), cores, len(subjects))
}
