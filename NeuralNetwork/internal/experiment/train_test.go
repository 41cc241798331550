package experiment

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/nn/cpu"
	"imagesimilarity/pkg/program"
	"imagesimilarity/pkg/program/programtest"
	"imagesimilarity/pkg/progress"
)

// silent shows no progress on the standard error output.
var silent = progress.New(io.Discard, true)

// small describes a small autoencoder.
var small = nn.AutoencoderConfig{Rows: 4, Cols: 4, FilterSize: 3, Filters: []int{2}, Embedding: 2}

// autoencoder returns a small autoencoder and 6 images for it.
func autoencoder(t *testing.T) (*nn.Model, *nn.Samples) {
	t.Helper()
	m, err := nn.NewAutoencoder(small, 1)
	if err != nil {
		t.Fatal(err)
	}
	return m, &nn.Samples{N: 6, Input: func(dst []float32, index []int) error {
		for i := range dst {
			dst[i] = float32(index[i/16]*i%7) / 7
		}
		return nil
	}}
}

// trainer returns a trainer of an autoencoder, as reduce uses it.
func trainer(m *nn.Model) *nn.Trainer {
	return nn.NewTrainer(cpu.New(), m, nn.MeanSquaredError, nn.RMSprop, 1)
}

// interrupter sends this process an interrupt at the end of the first epoch that is written to it.
type interrupter struct {
	bytes.Buffer
	t    *testing.T
	sent bool
}

func (w *interrupter) Write(b []byte) (int, error) {
	if !w.sent && bytes.Contains(b, []byte("Epoch 2/")) {
		w.sent = true
		p, err := os.FindProcess(os.Getpid())
		if err == nil {
			err = p.Signal(os.Interrupt)
		}
		if err != nil {
			w.t.Error(err)
		}
	}
	return w.Buffer.Write(b)
}

func TestTrainEndsWithTheEpochOfAnInterrupt(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Ctrl-C: not tested, on Windows a process cannot send it to itself")
	}
	m, s := autoencoder(t)
	out := &interrupter{t: t}
	const epochs = 1 << 30 // ends by the interrupt or never
	u := Keep("model", "", nil)
	h, whole, err := Train(u, trainer(m), s, s, epochs, 2, out, silent)
	end(u.Work)
	if err != nil || whole {
		t.Errorf("error %v, whole %v", err, whole)
	}
	if n := len(h.Loss); n < 2 || n != len(h.ValLoss) || n != strings.Count(out.String(), "val_loss") {
		t.Errorf("%d epochs in the history, %d on the screen", n, strings.Count(out.String(), "val_loss"))
	}
	const told = "\nInterrupted: this epoch is the last one. Ctrl-C again ends the program.\n"
	if n := strings.Count(out.String(), told); n != 1 {
		t.Errorf("the person was told %d times", n)
	}
}

// end ends a work and forgets it.
func end(w *program.Work) {
	w.Rest()
	w.Forget()
}

// TestMain lets the test binary be a program that trains until it is ended, or compute.
func TestMain(m *testing.M) {
	if os.Getenv("COMPUTE") != "" {
		os.Exit(program.Run("compute", compute))
	}
	if os.Getenv("TRAIN_SLOWLY") == "" {
		programtest.HeedSignals()
		os.Exit(m.Run())
	}
	model, err := nn.NewAutoencoder(small, 1)
	if err == nil {
		ready := sync.OnceFunc(func() { fmt.Println("Ready") })
		slow := &nn.Samples{N: 10000, Input: func([]float32, []int) error {
			ready()
			time.Sleep(10 * time.Millisecond)
			return nil
		}}
		unsaved := Keep("model", "", func(path string) (string, error) { return path, nil })
		_, _, err = Train(unsaved, trainer(model), slow, slow, 1, 1, os.Stdout, silent)
	}
	fmt.Println("The training ended by itself:", err)
}

// A signal, and the second one if it is Ctrl-C, ends the program in the middle of an epoch, and the
// model is saved. QUIT alone does not wait.
func TestSignalsEndATraining(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("signals: not tested, on Windows a process cannot send them to another")
	}
	for _, s := range []syscall.Signal{
		syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT,
	} {
		t.Run(s.String(), func(t *testing.T) {
			cmd, stdout := start(t)
			last, told := "", false
			for lines := bufio.NewScanner(stdout); lines.Scan(); {
				last = cmp.Or(lines.Text(), last)
				wasTold := strings.HasPrefix(last, "Interrupted")
				if last == "Ready" || wasTold && !told {
					if err := cmd.Process.Signal(s); err != nil {
						t.Error(err)
					}
				}
				told = told || wasTold
			}
			cmd.Wait()
			want := "The trained model is in model-interrupted.h5"
			if s == syscall.SIGQUIT {
				want = "Ready"
			}
			if last != want || told != (s == syscall.SIGINT) {
				t.Errorf("the last line is %q, want %q; told %v", last, want, told)
			}
			status := cmd.ProcessState.Sys().(syscall.WaitStatus)
			if status.Signal() != s && status.ExitStatus() != 128+int(s) {
				t.Errorf("the program ended with %v, want %d", cmd.ProcessState, 128+int(s))
			}
		})
	}
}

// start starts the program of TestMain.
func start(t *testing.T) (cmd *exec.Cmd, stdout io.Reader) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd = exec.Command(self)
	cmd.Env = append(os.Environ(), "TRAIN_SLOWLY=1")
	if stdout, err = cmd.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	return cmd, stdout
}

// A model is saved beside the output and, if that cannot be, elsewhere.
func TestUnsavedFindsAPlace(t *testing.T) {
	full := errors.New("full")
	inTemp := filepath.ToSlash(filepath.Join(os.TempDir(), "autoencoder-interrupted.h5"))
	for _, tt := range []struct {
		output string
		fails  int // of the places
		told   string
		err    error
	}{
		{"folder/latents", 0, "\nThe trained model is in folder/autoencoder-interrupted.h5\n", nil},
		{"folder/latents", 1, "\nThe trained model is in autoencoder-interrupted.h5\n", nil},
		{"latents", 0, "\nThe trained model is in autoencoder-interrupted.h5\n", nil},
		{os.DevNull, 0, "\nThe trained model is in autoencoder-interrupted.h5\n", nil},
		{"", 1, "\nThe trained model is in " + inTemp + "\n", nil},
		{"", 2, "", full},
	} {
		tries := 0
		u := Keep("autoencoder", tt.output, func(path string) (string, error) {
			if tries++; tries <= tt.fails {
				return "", full
			}
			return filepath.ToSlash(path), nil
		})
		end(u.Work)
		var out bytes.Buffer
		failed := errors.New("failed")
		err := u.Save(&out, failed)
		if out.String() != tt.told || !errors.Is(err, failed) ||
			errors.Is(err, full) != (tt.err == full) {
			t.Errorf("%q, %d fail: %q, %v", tt.output, tt.fails, &out, err)
		}
	}
}

// failing is a screen that cannot be written.
type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("nobody reads") }

// A training outlives its screen, and the error tells where the model is.
func TestTrainWithoutAScreen(t *testing.T) {
	m, s := autoencoder(t)
	u := Keep("model", "", func(path string) (string, error) { return path, nil })
	h, whole, err := Train(u, trainer(m), s, s, 2, 4, failing{}, silent)
	end(u.Work)
	if err != nil || !whole || len(h.Loss) != 2 {
		t.Errorf("error %v, whole %v, history %v", err, whole, h)
	}
	const want = "failed\nThe trained model is in model-interrupted.h5"
	if err := u.Save(failing{}, errors.New("failed")); err.Error() != want {
		t.Errorf("error %q, want %q", err, want)
	}
}

func TestTrainSaysThatTheLossIsNoNumber(t *testing.T) {
	m, s := autoencoder(t)
	m.Layer("embedding").Weights[0].Data[0] = float32(math.Inf(1))
	var out bytes.Buffer
	u := Keep("model", "", nil)
	h, whole, err := Train(u, trainer(m), s, s, 3, 2, &out, silent)
	end(u.Work)
	if err != nil || whole || len(h.Loss) != 0 {
		t.Errorf("error %v, whole %v, history %v", err, whole, h)
	}
	const want = "Epoch 1/3\n\nThe training ends: nn: the loss is no finite number: " +
		"it became NaN in epoch 1 of 3; the weights are those from before that epoch\n"
	if out.String() != want {
		t.Errorf("screen %q, want %q", out.String(), want)
	}
}

func TestTrainToTheEnd(t *testing.T) {
	m, s := autoencoder(t)
	var out bytes.Buffer
	u := Keep("model", "", nil)
	h, whole, err := Train(u, trainer(m), s, s, 2, 4, &out, silent)
	end(u.Work)
	if err != nil || !whole || len(h.Loss) != 2 || strings.Count(out.String(), "2/2 [====") != 2 {
		t.Errorf("error %v, whole %v, history %v, screen\n%s", err, whole, h, &out)
	}
}

// An epoch of one batch begins once.
func TestTrainInOneBatch(t *testing.T) {
	m, s := autoencoder(t)
	var out bytes.Buffer
	u := Keep("model", "", nil)
	_, _, err := Train(u, trainer(m), s, s, 2, 6, &out, silent)
	end(u.Work)
	if err != nil || strings.Count(out.String(), "Epoch ") != 2 {
		t.Errorf("error %v, screen\n%s", err, &out)
	}
}

// A training that ends with an error is not lost if a batch was trained.
func TestTrainingIsSavedIfSamplesCannotBeRead(t *testing.T) {
	cut := errors.New("the file is cut")
	for _, tt := range []struct {
		reads int64 // of 3 batches and, to validate, 3 in each epoch
		told  string
	}{
		{0, ""},
		{1, "\nThe trained model is in model-interrupted.h5\n"},
		{4, "\nThe trained model is in model-interrupted.h5\n"},
		{7, "\nThe trained model is in model-interrupted.h5\n"},
	} {
		m, s := autoencoder(t)
		var read atomic.Int64
		broken := &nn.Samples{N: s.N, Input: func(dst []float32, index []int) error {
			if read.Add(1) > tt.reads {
				return cut
			}
			return s.Input(dst, index)
		}}
		u := Keep("model", "", func(path string) (string, error) { return path, nil })
		h, _, err := Train(u, trainer(m), broken, broken, 3, 2, io.Discard, silent)
		end(u.Work)
		if !errors.Is(err, cut) || len(h.Loss) != int(tt.reads/6) {
			t.Errorf("%d reads: error %v, history %v", tt.reads, err, h)
		}
		var out bytes.Buffer
		if err := u.Failed(&out, err); !errors.Is(err, cut) || out.String() != tt.told {
			t.Errorf("%d reads: error %v, screen %q", tt.reads, err, &out)
		}
	}
}

// A signal before the first batch saves no model that would not be a trained one.
func TestSignalBeforeTraining(t *testing.T) {
	u := Keep("model", "", func(path string) (string, error) { return path, nil })
	defer u.Rest()
	for _, want := range []string{"", "The trained model is in model-interrupted.h5"} {
		if told, err := u.saveTrained(); told != want || err != nil {
			t.Errorf("told %q, error %v; want %q", told, err, want)
		}
		u.trained = true
	}
}
