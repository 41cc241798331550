package experiment

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/nn/cpu"
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
	return m, &nn.Samples{N: 6, Input: func(dst []float32, index []int) {
		for i := range dst {
			dst[i] = float32(index[i/16]*i%7) / 7
		}
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
		t.Skip("Windows cannot send an interrupt to a process of its own")
	}
	m, s := autoencoder(t)
	out := &interrupter{t: t}
	const epochs = 1 << 30 // ends by the interrupt or never
	h, whole, err := Train(trainer(m), s, s, epochs, 2, out, silent)
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

// TestMain lets the test binary be a program that trains until it is ended.
func TestMain(m *testing.M) {
	if os.Getenv("TRAIN_SLOWLY") == "" {
		os.Exit(m.Run())
	}
	model, err := nn.NewAutoencoder(small, 1)
	if err == nil {
		ready := sync.OnceFunc(func() { fmt.Println("Ready") })
		slow := &nn.Samples{N: 10000, Input: func([]float32, []int) {
			ready()
			time.Sleep(10 * time.Millisecond)
		}}
		_, _, err = Train(trainer(model), slow, slow, 1, 1, os.Stdout, silent)
	}
	fmt.Println("The training ended by itself:", err)
}

func TestSecondInterruptEndsTheProgram(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows cannot send an interrupt to another process")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), "TRAIN_SLOWLY=1")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	told := false
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		switch text := lines.Text(); {
		case text == "Ready":
		case strings.HasPrefix(text, "Interrupted"):
			told = true
		case text == "":
			continue
		default:
			t.Errorf("the program says %q", text)
		}
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Error(err)
		}
	}
	if !told {
		t.Error("the first interrupt was not answered")
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != -1 {
		t.Errorf("the program ended with %v, want by the interrupt", err)
	}
}

func TestTrainSaysThatTheLossIsNoNumber(t *testing.T) {
	m, s := autoencoder(t)
	m.Layer("embedding").Weights[0].Data[0] = float32(math.Inf(1))
	var out bytes.Buffer
	h, whole, err := Train(trainer(m), s, s, 3, 2, &out, silent)
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
	h, whole, err := Train(trainer(m), s, s, 2, 4, &out, silent)
	if err != nil || !whole || len(h.Loss) != 2 || strings.Count(out.String(), "2/2 [====") != 2 {
		t.Errorf("error %v, whole %v, history %v, screen\n%s", err, whole, h, &out)
	}
}
