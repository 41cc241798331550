// Package memorytest tests that memory stays within what was asked for.
package memorytest

import (
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"imagesimilarity/pkg/memory"
)

// A Need is a call of memory.Check.
type Need struct {
	What  string
	Bytes float64
}

// Needs returns the calls of memory.Check while do runs, all of which are granted.
func Needs(do func()) []Need {
	var needs []Need
	defer memory.Watch(func(what string, bytes float64) {
		needs = append(needs, Need{what, bytes})
	})()
	do()
	return needs
}

// RefuseEach runs a program as often as it calls memory.Check, and each time lets the budget be one
// byte less than what the next of these calls asks for. run returns the exit status and all that
// was shown. The program must end with the status 1 and the sentence of the refusal as the last
// line, or show the sentence and go on.
func RefuseEach(t *testing.T, run func() (status int, shown string)) {
	t.Helper()
	defer memory.SetBudget(0)
	needs := Needs(func() {
		if status, shown := run(); status != 0 {
			t.Fatalf("status %d without a refusal: %s", status, shown)
		}
	})
	if len(needs) == 0 {
		t.Fatal("memory.Check is never called")
	}
	for i, need := range needs {
		if need.Bytes <= 1 {
			continue // no budget is less
		}
		calls := 0
		restore := memory.Watch(func(what string, bytes float64) {
			if calls == i {
				memory.SetBudget(int64(math.Ceil(bytes)) - 1)
			}
			calls++
		})
		status, shown := run()
		restore()
		_, after, refused := strings.Cut(shown, " allowed\n")
		if !refused || status != 1 && (status != 0 || after == "") {
			t.Errorf("%s: refused: status %d, want 1 and a sentence; shown %q",
				need.What, status, shown)
		}
	}
}

// Peak returns the most bytes that are on the heap while do runs, beyond those before. Garbage that
// is younger than about a tenth of the heap is among them.
func Peak(do func()) float64 {
	defer debug.SetGCPercent(debug.SetGCPercent(5))
	runtime.GC()
	runtime.GC() // frees what lay in a sync.Pool
	before := onHeap()
	var most atomic.Uint64
	done := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			most.Store(max(most.Load(), onHeap()))
			select {
			case <-done:
				return
			case <-time.After(100 * time.Microsecond):
			}
		}
	}()
	do()
	most.Store(max(most.Load(), onHeap()))
	close(done)
	<-ended
	return float64(most.Load()) - float64(before)
}

func onHeap() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
