//go:build unix

package scripttest

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"imagesimilarity/pkg/infile/pipetest"
	"imagesimilarity/pkg/program"
)

// Pipes expects that a program reads pipes as it reads files, also if they are fed one after the
// other. flags are those of the files. want is what the program shows with the files themselves.
func Pipes(t *testing.T, run program.Program, flags, files []string, others, input, want string) {
	t.Helper()
	args := append([]string{"-quiet"}, strings.Fields(others)...)
	var pipes []string
	for i, flag := range flags {
		pipes = append(pipes, fmt.Sprintf("%d.pipe", i))
		args = append(args, flag, pipes[i])
	}
	pipetest.Feed(t, pipes, files)
	var stdout, stderr bytes.Buffer
	status := run(args, strings.NewReader(input), &stdout, &stderr)
	got := times.ReplaceAllString(stdout.String(), "")
	if want := times.ReplaceAllString(want, ""); status != 0 || got != want {
		t.Errorf("status %d, %s; screen\n%s\nwant\n%s", status, stderr.String(), got, want)
	}
}
