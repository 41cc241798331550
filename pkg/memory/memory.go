// Package memory keeps a program within a budget of memory. Whatever is about to allocate memory
// whose size follows from a file, a flag or an answer calls Check before.
package memory

import (
	"fmt"
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"sync"
)

// An Error tells that something needs more memory than the budget has left. Sizes are in bytes.
type Error struct {
	What   string  // what needs the memory, with its verb: "7 images of 2x3 pixels need"
	Need   float64 // an estimate; it may exceed any integer
	Used   float64 // by what is kept meanwhile
	Budget float64
}

func (e *Error) Error() string {
	besides := ""
	if e.Need <= e.Budget {
		besides = fmt.Sprintf(" besides the %s in use", Size(e.Used))
	}
	if e.Budget <= 1 { // the least budget; see Default
		return fmt.Sprintf("%s about %s of memory; none is left or allowed", e.What, Size(e.Need))
	}
	return fmt.Sprintf("%s about %s of memory%s; at most %s are allowed",
		e.What, Size(e.Need), besides, Size(e.Budget))
}

// budget is the state of the process: its memory is one.
var budget struct {
	sync.Mutex
	bytes int64 // 0 if it was not set yet
	watch func(what string, need float64)
}

// Budget returns the budget of this process in bytes.
func Budget() int64 {
	budget.Lock()
	defer budget.Unlock()
	if budget.bytes == 0 {
		budget.bytes = Default()
	}
	return budget.bytes
}

// SetBudget sets the budget of this process, which its garbage collector then tries to keep, too.
// 0 stands for Default.
func SetBudget(bytes int64) {
	if bytes == 0 {
		bytes = Default()
	}
	budget.Lock()
	budget.bytes = bytes
	budget.Unlock()
	debug.SetMemoryLimit(bytes)
}

// fallback is the budget of a machine that does not tell its memory.
const fallback = 4 << 30

// Default returns nine tenths of the memory that the machine, its control groups and the limits
// of the process leave. A tenth is for the heap's own administration.
func Default() int64 {
	left := available()
	if left == math.MaxInt64 {
		left = fallback
	}
	return max(1, left/10*9)
}

// Check returns an *Error if need bytes more than what is in use exceed the budget. format and args
// name what needs them, with its verb.
func Check(need float64, format string, args ...any) error {
	return CheckLater(0, need, format, args...)
}

// CheckLater returns the *Error that Check will return when more bytes are in use than now, or less
// if more is below 0. A program asks at its start for what it will need after long work.
func CheckLater(more, need float64, format string, args ...any) error {
	budget.Lock()
	watch := budget.watch
	budget.Unlock()
	if watch != nil {
		watch(fmt.Sprintf(format, args...), need)
	}
	most := float64(Budget())
	used := inUse() + more
	if used+need > most && need <= most {
		// What nobody uses does not count. What lies in a sync.Pool goes in the second collection.
		runtime.GC()
		runtime.GC()
		used = inUse() + more
	}
	if used+need <= most {
		return nil
	}
	return &Error{What: fmt.Sprintf(format, args...), Need: need, Used: used, Budget: most}
}

// Watch lets f see every call of Check, before the budget is asked, until restore is called. Tests
// find the places with it that check, and change the budget there.
func Watch(f func(what string, need float64)) (restore func()) {
	budget.Lock()
	defer budget.Unlock()
	before := budget.watch
	budget.watch = f
	return func() {
		budget.Lock()
		defer budget.Unlock()
		budget.watch = before
	}
}

// inUse returns the bytes of all objects on the heap, garbage included that was not collected yet.
func inUse() float64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return float64(sample[0].Value.Uint64())
}

var units = []string{"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}

// Size returns a number of bytes as text, in a unit that suits it.
func Size(bytes float64) string {
	unit := 0
	for bytes >= 999.5 && unit+1 < len(units) { // three digits
		bytes /= 1024
		unit++
	}
	if bytes == 1 && unit == 0 {
		return "1 byte"
	}
	return fmt.Sprintf("%.3g %s", bytes, units[unit])
}

// Parse returns the bytes of a text such as 2GiB, 512MiB or 1048576.
func Parse(text string) (int64, error) {
	number, factor := strings.TrimSpace(text), 1.0
	for i, unit := range units[1:] {
		if n := len(number) - len(unit); n > 0 && strings.EqualFold(number[n:], unit) {
			number, factor = strings.TrimSpace(number[:n]), math.Ldexp(1, 10*(i+1))
			break
		}
	}
	v, err := strconv.ParseFloat(number, 64)
	if bytes := v * factor; err == nil && bytes >= 1 && bytes < math.MaxInt64 {
		return int64(bytes), nil
	}
	return 0, fmt.Errorf("expected a size of memory such as 2GiB, 512MiB or 1048576 (bytes), "+
		"found %q", text)
}

// Flag returns the bytes that the value of a flag gives, or 0 if the flag is not given.
func Flag(name, value string) (int64, error) {
	if value == "" {
		return 0, nil
	}
	bytes, err := Parse(value)
	if err != nil {
		return 0, fmt.Errorf("flag %s: %w", name, err)
	}
	return bytes, nil
}
