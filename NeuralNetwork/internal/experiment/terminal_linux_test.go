package experiment

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/progress"
)

// terminal opens a terminal of the given width. keyboard has what is written to screen.
func terminal(t *testing.T, columns uint16) (screen, keyboard *os.File) {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("terminals: not tested, this system opens none: ", err)
	}
	t.Cleanup(func() { keyboard.Close() })
	fd := int(keyboard.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		size := unix.Winsize{Row: 24, Col: columns}
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &size)
	}
	if err == nil {
		name := fmt.Sprintf("/dev/pts/%d", number)
		screen, err = os.OpenFile(name, os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		t.Skip("terminals: not tested, this system opens none: ", err)
	}
	return screen, keyboard
}

// On a terminal, no state of a training is wider than 80 columns, the states before an epoch's end
// tell the validation and the time left for all epochs, and the display is silent meanwhile. So it
// is for 60,000 images, for 8 million and for one epoch.
func TestTrainingOnATerminal(t *testing.T) {
	for _, tt := range []struct {
		p     nn.Progress
		wants []string
	}{
		{nn.Progress{Epochs: 2, Steps: 1875, Validations: 313, Loss: 0.00001}, []string{
			"Epoch 1/2\r\n", "Epoch 2/2\r\n", " - all epochs: ", " - validating: 313/313",
			"/step - loss: 1.0000e-05 - val_loss: 2.0000e-05\r\n",
		}},
		{nn.Progress{Epochs: 2, Steps: 101250, Validations: 25313, Loss: 0.0123}, []string{
			" - loss: 0.0123 - all epochs: ", "s - validating: 100%",
		}},
		{nn.Progress{Epochs: 1, Steps: 101250, Validations: 25313, Loss: 0.0123}, []string{
			" - loss: 0.0123 - left: 0s - validating: 100%",
		}},
	} {
		got := trainingOnATerminal(t, tt.p)
		for state := range strings.SplitSeq(got, "\r") {
			state = strings.Trim(state, "\b\n")
			if n := utf8.RuneCountInString(strings.TrimRight(state, "\b")); n > 80 {
				t.Errorf("%d columns: %q", n, state)
			}
		}
		for _, want := range tt.wants {
			if !strings.Contains(got, want) {
				t.Errorf("the screen lacks %q: %q", want, got)
			}
		}
	}
}

// trainingOnATerminal returns what a training with such epochs shows.
func trainingOnATerminal(t *testing.T, p nn.Progress) string {
	t.Helper()
	screen, keyboard := terminal(t, 80)
	text := make(chan string)
	go func() {
		var all strings.Builder
		io.Copy(&all, keyboard) // until the screen is closed
		text <- all.String()
	}()
	display := progress.New(screen, false)
	out := display.Writer(screen)
	show := fitProgress(out, display)
	for p.Epoch = 1; p.Epoch <= p.Epochs; p.Epoch++ {
		for p.Step, p.Validated = 1, 0; p.Step < p.Steps; p.Step++ {
			show(p)
		}
		for p.Validated = 1; p.Validated < p.Validations; p.Validated++ {
			show(p)
		}
		time.Sleep(60 * time.Millisecond) // a younger state would not be replaced
		show(p)
		p.ValLoss, p.Done = 0.00002, true
		show(p)
		p.Done = false
	}
	screen.Close()
	return <-text
}

// What a program says in the end begins on a line of its own, also if a question was not answered.
func TestSayBeginsALine(t *testing.T) {
	screen, keyboard := terminal(t, 80)
	display := progress.New(screen, false)
	io.WriteString(display.Writer(screen), "Repeat (Y/N)? ")
	display.Say("Written: a")
	io.WriteString(display.Writer(screen), "Repeat (Y/N)? ")
	io.WriteString(keyboard, "N\n")
	if _, err := display.Reader(screen).Read(make([]byte, 9)); err != nil {
		t.Fatal(err)
	}
	display.Say("Written: b")
	screen.Close()
	text, _ := io.ReadAll(keyboard) // ends with an error
	const want = "Repeat (Y/N)? \r\nWritten: a\r\nRepeat (Y/N)? N\r\nWritten: b\r\n"
	if string(text) != want {
		t.Errorf("%q, want %q", text, want)
	}
}
