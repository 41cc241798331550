package torture

import (
	"bufio"
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/keras"
)

// TestTrainedModelsAreNotLost ends reduce and classification by signals, in a training and at the
// questions after it. A model that is neither saved nor refused must then be in a file of its own,
// and the last line must name it.
func TestTrainedModelsAreNotLost(t *testing.T) {
	const ctrlC, hup, term = syscall.SIGINT, syscall.SIGHUP, syscall.SIGTERM
	const endless, short = "1000000000", "1"
	// An act is what is done when the screen ends with some words: a signal is sent, or an answer
	// is typed.
	type act struct {
		words  string
		signal syscall.Signal
		answer string
	}
	for _, tt := range []struct {
		name   string
		epochs string
		acts   []act
		saved  bool
	}{
		{"TERM in a training", endless, []act{{"Epoch 2/", term, ""}}, true},
		{"HUP in a training", endless, []act{{"Epoch 2/", hup, ""}}, true},
		{"INT twice", endless, []act{{"Epoch 2/", ctrlC, ""}, {interrupted, ctrlC, ""}}, true},
		{"INT, then TERM at a question", endless,
			[]act{{"Epoch 2/", ctrlC, ""}, {"graphs (Y/N)? ", term, ""}}, true},
		{"INT at a question", short, []act{{"graphs (Y/N)? ", ctrlC, ""}}, true},
		{"HUP at a question", short, []act{{"graphs (Y/N)? ", hup, ""}}, true},
		{"TERM at the question for a path", short, []act{{"graphs (Y/N)? ", 0, "N\n"},
			{"Save trained model (Y/N)? ", 0, "Y\n"}, {"path: ", term, ""}}, true},
		{"TERM after the model was refused", short, []act{{"graphs (Y/N)? ", 0, "N\n"},
			{"Save trained model (Y/N)? ", 0, "N\n"}, {"latent representations (Y/N)? ", term, ""}},
			false},
		{"TERM after the model was saved", short, []act{{"graphs (Y/N)? ", 0, "N\n"},
			{"Save trained model (Y/N)? ", 0, "Y\nmodel.h5\n"},
			{"latent representations (Y/N)? ", term, ""}}, false},
	} {
		for _, training := range trainings {
			if training.program != "reduce" && len(tt.acts) > 2 {
				continue // these questions are those of reduce
			}
			t.Run(training.program+", "+tt.name, func(t *testing.T) {
				dir := prepare(t, 40)
				args := strings.Fields(strings.ReplaceAll(training.args, "-save classifier.h5", ""))
				c := exec.Command(filepath.Join(programs, training.program), args...)
				c.Dir = dir
				stdin, err := c.StdinPipe()
				if err != nil {
					t.Fatal(err)
				}
				stdout, err := c.StdoutPipe()
				if err != nil {
					t.Fatal(err)
				}
				var stderr bytes.Buffer
				c.Stderr = &stderr
				if err := c.Start(); err != nil {
					t.Fatal(err)
				}
				defer c.Process.Kill()
				io.WriteString(stdin, strings.ReplaceAll(training.answers, endless, tt.epochs))
				screen, seen := "", 0 // the screen, and how much of it was acted on
				left, last := tt.acts, syscall.Signal(0)
				buf := make([]byte, 1<<16)
				for err == nil {
					var n int
					n, err = stdout.Read(buf)
					screen += string(buf[:n])
					for len(left) > 0 {
						at := strings.Index(screen[seen:], left[0].words)
						if at < 0 {
							break
						}
						seen += at + len(left[0].words)
						if left[0].signal != 0 {
							last = left[0].signal
							c.Process.Signal(last)
						}
						io.WriteString(stdin, left[0].answer)
						left = left[1:]
					}
				}
				c.Wait()
				if got := shellStatus(c); got != 128+int(last) || stderr.Len() > 0 {
					t.Errorf("status %d, stderr %q, screen %q", got, &stderr, screen)
				}
				models := rescued(t, dir)
				if (len(models) == 1) != tt.saved || len(models) > 1 {
					t.Fatalf("saved %q, screen %q", models, screen)
				}
				if !tt.saved {
					return
				}
				if _, err := keras.Load(models[0]); err != nil {
					t.Error(err)
				}
				want := "\nThe trained model is in " + filepath.Base(models[0]) + "\n"
				if !strings.HasSuffix(screen, want) {
					t.Errorf("screen %q, want %q in the end", screen, want)
				}
			})
		}
	}
}

// TestFinishedSearchesAreNotLost ends search -EMD by signals while it prepares the page of a search
// that is done. The text must then be in a file that replaces none, and the last line must name it.
func TestFinishedSearchesAreNotLost(t *testing.T) {
	noise := rand.New(rand.NewPCG(1, 1))
	write := func(name string, n int) {
		images := &imageset.Images[uint8]{N: n, Rows: 16, Cols: 16, Pix: make([]uint8, n*256)}
		for i := range images.Pix {
			images.Pix[i] = uint8(noise.Uint32()) // no bound saves a distance
		}
		if err := idx.WriteImages(name, images); err != nil {
			t.Fatal(err)
		}
		if err := idx.WriteLabels(name+".labels", make([]uint8, n)); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	write(filepath.Join(dir, "images"), 500)
	write(filepath.Join(dir, "queries"), 1)
	for _, tt := range []struct {
		signal syscall.Signal
		old    bool   // whether there are outputs of a run before
		text   string // file that must hold the text
	}{
		{syscall.SIGINT, false, "out.txt"},
		{syscall.SIGTERM, true, "out-2.txt"},
	} {
		old := []string{"out.txt", "page.html"}
		if tt.old {
			for _, name := range old {
				if err := os.WriteFile(filepath.Join(dir, name), []byte("old"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
		c := exec.Command(filepath.Join(programs, "search"), strings.Fields("-EMD -cell 1 -d images"+
			" -q queries -l1 images.labels -l2 queries.labels -o out.txt -html page.html")...)
		c.Dir = dir
		var stdout bytes.Buffer
		c.Stdout = &stdout
		stderr, err := c.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		defer c.Process.Kill()
		lines := bufio.NewScanner(stderr)
		for lines.Scan() && !strings.HasPrefix(lines.Text(), "neighbours on the page: ") {
		}
		if line := lines.Text(); !strings.Contains(line, "%") || !strings.HasSuffix(line, " left") {
			t.Errorf("the screen says %q, want the time that is left", line)
		}
		c.Process.Signal(tt.signal)
		io.Copy(io.Discard, stderr)
		c.Wait()
		if got := shellStatus(c); got != 128+int(tt.signal) {
			t.Errorf("status %d, want %d", got, 128+int(tt.signal))
		}
		last := "\nThe results are in " + tt.text + "; the other files were not written\n"
		if !strings.HasSuffix(stdout.String(), last) {
			t.Errorf("screen %q, want %q in the end", &stdout, last)
		}
		if got := read(t, dir, tt.text); !strings.HasPrefix(got, "Average Correct Search Results") {
			t.Errorf("%s has %q", tt.text, got)
		}
		for _, name := range old {
			if tt.old && read(t, dir, name) != "old" {
				t.Errorf("%s is not the old one", name)
			}
		}
	}
}

// TestTrainingWithoutAScreen closes the standard output in the middle of a training. The training
// goes on to its end, and its model is saved.
func TestTrainingWithoutAScreen(t *testing.T) {
	for _, training := range trainings {
		t.Run(training.program, func(t *testing.T) {
			dir := prepare(t, 40)
			args := strings.Fields(strings.ReplaceAll(training.args, "-save classifier.h5", ""))
			c := exec.Command(filepath.Join(programs, training.program), args...)
			c.Dir = dir
			c.Stdin = strings.NewReader(strings.ReplaceAll(training.answers, "1000000000", "40"))
			var stderr bytes.Buffer
			c.Stderr = &stderr
			stdout, err := c.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			for buf, screen := make([]byte, 100), ""; !strings.Contains(screen, "Epoch 2/"); {
				n, err := stdout.Read(buf)
				screen += string(buf[:n])
				if err != nil {
					t.Fatalf("%v, screen %q", err, screen)
				}
			}
			stdout.Close()
			c.Wait()
			models := rescued(t, dir)
			if len(models) != 1 {
				t.Fatalf("saved %q, stderr %q", models, &stderr)
			}
			if _, err := keras.Load(models[0]); err != nil {
				t.Error(err)
			}
			want := "broken pipe\nThe trained model is in " + filepath.Base(models[0]) + "\n"
			if shellStatus(c) != 1 || !strings.HasSuffix(stderr.String(), want) {
				t.Errorf("status %d, stderr %q, want %q", shellStatus(c), &stderr, want)
			}
		})
	}
}

// TestStreams runs all programs with streams that are closed, full or without a reader.
func TestStreams(t *testing.T) {
	r, closed, err := os.Pipe() // nobody reads descriptor 3
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	defer closed.Close()
	for _, s := range subjects {
		if !*long && strings.HasSuffix(s.name, "-textbook") {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			dir := prepare(t, 40)
			s.run(t, dir, 1)
			want := s.written(t, dir)
			for _, tt := range []struct {
				script string
				status int
				stderr string // a part of it
			}{
				{`"$@" 2>/dev/full`, 0, ""},
				{`"$@" 2>&-`, 0, ""},
				{`"$@" 1>&-`, 0, ""},
				{`"$@" 1>&- 2>&-`, 0, ""},
				{`"$@" >/dev/full`, 1, "no space left on device"},
				{`"$@" >&3`, 1, "broken pipe\n"},
				{`"$@" 2>&3`, 0, ""},
				{`"$@" -none 2>&3`, 2, ""},
			} {
				s.makeOld(t, dir)
				c := s.inShell(dir, tt.script)
				c.ExtraFiles = []*os.File{closed}
				var stderr bytes.Buffer
				c.Stdout, c.Stderr = io.Discard, &stderr
				c.Run()
				if got := shellStatus(c); got != tt.status || !strings.Contains(stderr.String(), tt.stderr) ||
					strings.Contains(stderr.String(), "goroutine") {
					t.Errorf("%s: status %d, stderr %q; want %d, %q",
						tt.script, got, &stderr, tt.status, tt.stderr)
				}
				s.check(t, dir, tt.script, want)
				for _, name := range s.same {
					if tt.status == 0 && read(t, dir, name) == before {
						t.Errorf("%s: %s was not written", tt.script, name)
					}
				}
			}
			// Nothing but what the programs write lies in files that took a closed descriptor's place.
			c := s.inShell(dir, `"$@" <&-`)
			out, _ := c.CombinedOutput()
			if bytes.Contains(out, []byte("goroutine")) {
				t.Errorf("without input: %s", out)
			}
			s.check(t, dir, "without input", want)
		})
	}
}

// inShell returns the command of a script in which "$@" is the subject without -quiet.
func (s subject) inShell(dir, script string) *exec.Cmd {
	c := s.command(dir, 1)
	args := slices.DeleteFunc(c.Args, func(a string) bool { return a == "-quiet" })
	c.Path, c.Args = "/bin/sh", append([]string{"sh", "-c", script, "sh"}, args...)
	return c
}
