package program

import (
	"bytes"
	"io"
	"iter"
	"testing"

	"imagesimilarity/pkg/parallel"
)

// A panic, also of another goroutine, becomes one sentence and the status 1.
func TestPanic(t *testing.T) {
	for _, c := range []struct {
		name   string
		do     func()
		status int
		want   string // on the standard error output
	}{
		{"none", func() {}, 7, ""},
		{"an error of the runtime", func() { _ = make([]int, 3)[len("four")] }, 1,
			"x: a fault of the program itself: runtime error: index out of range [4] with length 3\n"},
		{"a panic of two lines", func() { panic("one\ntwo") }, 1,
			"x: a fault of the program itself: one\n"},
		{"of a worker", func() {
			parallel.Do(8, func(jobs iter.Seq[int]) {
				for i := range jobs {
					if i == 5 {
						panic("job 5")
					}
				}
			})
		}, 1, "x: a fault of the program itself: job 5\n"},
	} {
		var stderr bytes.Buffer
		p := func([]string, io.Reader, io.Writer, io.Writer) int {
			c.do()
			return 7
		}
		status := run("x", p, nil, nil, nil, &stderr)
		if status != c.status || stderr.String() != c.want {
			t.Errorf("%s: status %d, %q; want %d, %q", c.name, status, &stderr, c.status, c.want)
		}
	}
}
