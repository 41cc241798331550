package torture

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/infile/pipetest"
)

// packed returns a folder with what the programs read, and an empty folder for temporary files. The
// images are compressed, and more than a quarter of the memory that the tests allow.
func packed(t *testing.T) (dir, temporary string) {
	t.Helper()
	dir, temporary = prepare(t, 40), t.TempDir()
	const n = 20000
	generate(t, dir, n) // takes the place of all but the model
	plain, err := os.ReadFile(filepath.Join(dir, "images"))
	if err != nil {
		t.Fatal(err)
	}
	var z bytes.Buffer
	w, err := gzip.NewWriterLevel(&z, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	w.Write(plain)
	w.Close()
	if err := os.WriteFile(filepath.Join(dir, "images.gz"), z.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, n := range map[string]int{"labels": n, "query.labels": 100} {
		if err := idx.WriteLabels(filepath.Join(dir, name), make([]uint8, n)); err != nil {
			t.Fatal(err)
		}
	}
	return dir, temporary
}

// unpacking returns the command that searches among the images of that name.
func unpacking(dir, temporary, images string) *exec.Cmd {
	c := exec.Command(filepath.Join(programs, "search"), "-EMD", "-quiet", "-memory", "56MiB",
		"-d", images, "-q", "queries", "-l1", "labels", "-l2", "query.labels", "-o", "out")
	c.Dir = dir
	c.Env = append(os.Environ(), "TMPDIR="+temporary)
	return c
}

// wrapped returns the command as an argument of another one.
func wrapped(c *exec.Cmd, name string, args ...string) *exec.Cmd {
	outer := exec.Command(name, append(args, c.Args...)...)
	outer.Dir, outer.Env = c.Dir, c.Env
	return outer
}

// noneLeft expects that the folder is empty.
func noneLeft(t *testing.T, where, folder string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) > 0 {
		t.Errorf("%s: left behind %v, %v", where, entries, err)
	}
}

// refused expects that the command ends with the status 1 and a sentence with these parts.
func refused(t *testing.T, where string, c *exec.Cmd, parts ...string) {
	t.Helper()
	out, _ := c.CombinedOutput()
	text := strings.TrimSuffix(string(out), "\n")
	if status := shellStatus(c); status != 1 || strings.Contains(text, "\n") {
		t.Errorf("%s: status %d, %.2000s", where, status, text)
	}
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%s: %.2000s, want %q in it", where, text, part)
		}
	}
}

// TestUnpackedFileHasNoName expects that a temporary file never has a name. A file system may
// refuse to make such a file; then the file must lose its name before it is written.
func TestUnpackedFileHasNoName(t *testing.T) {
	needStrace(t, "the name of an unpacked file")
	dir, temporary := packed(t)
	trace := filepath.Join(t.TempDir(), "trace")
	c := wrapped(unpacking(dir, temporary, "images.gz"), "strace", "-f", "-qq", "-o", trace,
		"-e", "trace=openat,unlinkat,write", "-e", "signal=none")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	noneLeft(t, "at the end", temporary)
	log, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	born := regexp.MustCompile(`openat\(.*"` + temporary + `", [^)]*O_TMPFILE[^)]*\) = \d`)
	if born.Match(log) {
		return
	}
	opened := regexp.MustCompile(`^(\d+) +openat\(.*"(` + temporary + `/[^"]*)", [^)]*O_EXCL`)
	var thread, name string
	for line := range strings.Lines(string(log)) {
		if found := opened.FindStringSubmatch(line); found != nil {
			if name != "" {
				t.Errorf("a second file: %s", line)
			}
			thread, name = found[1], found[2]
			continue
		}
		other := !strings.HasPrefix(line, thread+" ")
		if name == "" || other || strings.Contains(line, "resumed>") {
			continue
		}
		if !strings.Contains(line, "unlinkat(") || !strings.Contains(line, name) {
			t.Errorf("after the creation of %s comes %s", name, line)
		}
		return
	}
	t.Error("no file was unpacked")
}

// TestUnpackingIsTold expects the line of each program that tells where its images are unpacked.
func TestUnpackingIsTold(t *testing.T) {
	dir, temporary := packed(t)
	for _, tt := range []struct{ program, args string }{
		{"search", "-d images.gz -i latents -q queries -s query.latents -o out"},
		{"cluster", "-d images.gz -i latents -n classes -c cluster.conf -o out"},
		{"search", "-EMD -d images.gz -q queries -l1 labels -l2 query.labels -o out"},
		{"reduce", "-d images.gz -q queries -od reduced -oq reduced.queries"},
		{"classification", "-d images.gz -dl labels -t queries -tl query.labels -model encoder.h5"},
	} {
		args := strings.Fields(tt.args + " -memory 56MiB")
		c := exec.Command(filepath.Join(programs, tt.program), args...)
		c.Dir = dir
		c.Env = append(os.Environ(), "TMPDIR="+temporary)
		stderr, err := c.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		var shown strings.Builder
		told := false
		for lines := bufio.NewScanner(stderr); !told && lines.Scan(); {
			shown.WriteString(strings.TrimSpace(lines.Text()) + " ") // a line may be wrapped
			told = strings.Contains(shown.String(),
				"images.gz is unpacked into a temporary file of 15 MiB in "+temporary)
		}
		c.Process.Kill()
		c.Wait()
		if !told {
			t.Errorf("%s %s: shown %q", tt.program, tt.args, &shown)
		}
	}
	noneLeft(t, "after the ends", temporary)
}

// TestSignalsWhileUnpacking ends a program at random moments while it unpacks its images.
func TestSignalsWhileUnpacking(t *testing.T) {
	dir, temporary := packed(t)
	random := rand.New(rand.NewPCG(1, 1))
	signals := append([]syscall.Signal{syscall.SIGKILL}, endings...)
	runs := scaled(5, 100)
	for i := range runs {
		signal := signals[i%len(signals)]
		c := unpacking(dir, temporary, "images.gz")
		var out bytes.Buffer
		c.Stdout, c.Stderr = &out, &out
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		moment := time.Duration(random.Float64() * float64(200*time.Millisecond))
		time.Sleep(moment)
		c.Process.Signal(signal)
		c.Wait()
		where := fmt.Sprintf("%v after %v", signal, moment)
		early := signal == syscall.SIGQUIT && strings.Contains(out.String(), "goroutine")
		if status := shellStatus(c); status != 0 && status != 128+int(signal) && !early {
			t.Errorf("%s: status %d, %s", where, status, &out)
		}
		noneLeft(t, where, temporary)
	}
	figure("signals while images are unpacked", "%d: no file left behind", runs)
}

// TestFullTemporaryFolder expects a sentence that names the folder and how to choose another.
func TestFullTemporaryFolder(t *testing.T) {
	dir, temporary := packed(t)
	limited := wrapped(unpacking(dir, temporary, "images.gz"),
		"sh", "-c", `ulimit -f 2000; exec "$@"`, "-")
	refused(t, "ulimit -f", limited, "search: images.gz: cannot write 20000 images of 28x28 pixels "+
		"to a temporary file in "+temporary+": file too large")
	noneLeft(t, "ulimit -f", temporary)

	none := filepath.Join(temporary, "none")
	refused(t, "no folder", unpacking(dir, none, "images.gz"), "search: images.gz: cannot write ",
		" a temporary file in "+none+": no such file or directory; set TMPDIR to another folder")

	mount(t, temporary, "size=4m")
	refused(t, "full disk", unpacking(dir, temporary, "images.gz"), "search: images.gz: cannot write ",
		" a temporary file in "+temporary+": no space left on device; set TMPDIR to another folder")
	noneLeft(t, "full disk", temporary)
}

// TestReadErrors lets the n-th read at a place fail, of a plain file and of an unpacked one.
func TestReadErrors(t *testing.T) {
	needStrace(t, "errors of reading")
	dir, temporary := packed(t)
	trace := filepath.Join(t.TempDir(), "trace")
	for images, sentence := range map[string]string{
		"images":    "cannot read on: read images: input/output error",
		"images.gz": "cannot read its temporary file: ",
	} {
		for _, n := range []int{1, 2, 5} {
			c := wrapped(unpacking(dir, temporary, images), "strace", "-f", "-qq", "-o", trace,
				"-e", "trace=pread64", "-e", fmt.Sprintf("inject=pread64:error=EIO:when=%d", n))
			refused(t, fmt.Sprintf("%s: read %d fails", images, n), c,
				"search: "+images+": byte ", sentence, "input/output error")
			noneLeft(t, images, temporary)
		}
	}
}

// TestFilesChangedWhileTheyAreRead changes the images while the program waits for a pipe with the
// queries.
func TestFilesChangedWhileTheyAreRead(t *testing.T) {
	dir, temporary := packed(t)
	images, err := os.ReadFile(filepath.Join(dir, "images"))
	if err != nil {
		t.Fatal(err)
	}
	queries, err := os.ReadFile(filepath.Join(dir, "queries"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "queries")); err != nil {
		t.Fatal(err)
	}
	pipetest.Make(t, filepath.Join(dir, "queries"))
	name := filepath.Join(dir, "images")
	for what, change := range map[string]func() error{
		"cut":     func() error { return os.Truncate(name, int64(len(images)/2)) },
		"written": func() error { return os.WriteFile(name, images, 0o644) },
		"longer": func() error {
			return os.WriteFile(name, append(bytes.Clone(images), "more"...), 0o644)
		},
		"another": func() error {
			if err := os.WriteFile(name+".new", []byte("other"), 0o644); err != nil {
				return err
			}
			return os.Rename(name+".new", name)
		},
	} {
		if err := os.WriteFile(name, images, 0o644); err != nil {
			t.Fatal(err)
		}
		c := unpacking(dir, temporary, "images")
		fed := make(chan error, 1)
		go func() {
			// The program has opened its images when it opens the pipe.
			pipe, err := os.OpenFile(filepath.Join(dir, "queries"), os.O_WRONLY, 0)
			if err == nil {
				if err = change(); err == nil {
					_, err = pipe.Write(queries)
				}
				pipe.Close()
			}
			fed <- err
		}()
		if what == "another" {
			if out, err := c.CombinedOutput(); err != nil {
				t.Errorf("%s: %v: %s", what, err, out)
			}
		} else {
			refused(t, what, c, "search: images: ", "the file changed while it was read (")
		}
		if err := <-fed; err != nil {
			t.Fatal(err)
		}
	}
}
