package torture

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"imagesimilarity/pkg/keras"
)

// trainings are conversations with a training of a billion epochs.
var trainings = []struct {
	program, args string
	answers       string // up to the training
	later         string // answers to the questions after the training
	model, screen string // the file of the model, and words on the screen after these answers
}{
	{
		program: "reduce", args: "-quiet -d images -q queries -od reduced -oq reduced.queries",
		answers: "N\n1\n3\n2\n1000000000\n32\n3\n", later: "N\nY\nmodel.h5\nN\nN\n",
		model: "model.h5", screen: "Trained model: model.h5",
	},
	{
		program: "classification",
		args: "-quiet -d images -dl labels -t queries -tl query.labels" +
			" -model encoder.h5 -save classifier.h5",
		answers: "1\n3\n2\n8\n1000000000\n1000000000\n32\n3\n0.5\n", later: "N\nY\nN\n",
		model: "classifier.h5", screen: "weighted avg",
	},
}

const interrupted = "Interrupted: this epoch is the last one. Ctrl-C again ends the program."

// TestInterrupts sends Ctrl-C during a training. The first ends the training with its epoch, and
// the questions follow. A second one ends the program, and no file is torn.
func TestInterrupts(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Ctrl-C: not tested, on Windows a process cannot send it to another")
	}
	for _, tt := range trainings {
		for _, twice := range []bool{false, true} {
			name := tt.program + ", once"
			if twice {
				name = tt.program + ", twice"
			}
			t.Run(name, func(t *testing.T) {
				dir := prepare(t, 40)
				c := exec.Command(filepath.Join(programs, tt.program), strings.Fields(tt.args)...)
				c.Dir = dir
				stdin, err := c.StdinPipe()
				if err != nil {
					t.Fatal(err)
				}
				stdout, err := c.StdoutPipe()
				if err != nil {
					t.Fatal(err)
				}
				var stderr strings.Builder
				c.Stderr = &stderr
				if err := c.Start(); err != nil {
					t.Fatal(err)
				}
				defer c.Process.Kill()
				if _, err := io.WriteString(stdin, tt.answers); err != nil {
					t.Fatal(err)
				}
				interrupt := func() {
					if err := c.Process.Signal(os.Interrupt); err != nil {
						t.Error(err)
					}
				}
				var screen strings.Builder
				lines := bufio.NewScanner(stdout)
				for lines.Scan() {
					line := lines.Text()
					screen.WriteString(line + "\n")
					switch {
					case strings.HasPrefix(line, "Epoch 2/"):
						interrupt()
					case line == interrupted && twice:
						interrupt()
					case line == interrupted:
						if _, err := io.WriteString(stdin, tt.later); err != nil {
							t.Error(err)
						}
					}
				}
				err = c.Wait()
				if strings.Count(screen.String(), interrupted) != 1 || stderr.Len() > 0 {
					t.Errorf("screen %q, stderr %q", screen.String(), stderr.String())
				}
				_, missing := keras.Load(filepath.Join(dir, tt.model))
				left, globErr := filepath.Glob(filepath.Join(dir, ".*.tmp"))
				if twice {
					// The second Ctrl-C may come when the training has ended: then the classifier is there.
					var exit *exec.ExitError
					if !errors.As(err, &exit) || exit.ExitCode() != -1 {
						t.Errorf("ended with %v, want by the interrupt", err)
					}
					if missing != nil && !errors.Is(missing, fs.ErrNotExist) {
						t.Errorf("the file of the model: %v", missing)
					}
					if len(left) > 1 || globErr != nil {
						t.Errorf("left behind %q, %v", left, globErr)
					}
					return
				}
				if err != nil || !strings.Contains(screen.String(), tt.screen) {
					t.Errorf("ended with %v, want 0; screen %q", err, screen.String())
				}
				if missing != nil {
					t.Errorf("the file of the model: %v", missing)
				}
				if len(left) > 0 || globErr != nil {
					t.Errorf("left behind %q, %v", left, globErr)
				}
			})
		}
	}
}
