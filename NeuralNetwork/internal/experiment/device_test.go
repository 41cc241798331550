package experiment

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"imagesimilarity/NeuralNetwork/internal/argparse"
	"imagesimilarity/NeuralNetwork/internal/devicetest"
	"imagesimilarity/pkg/nn"
)

// setDevices lets this machine have these devices during a test.
func setDevices(t *testing.T, err error, list ...Device) {
	t.Helper()
	before := Devices
	t.Cleanup(func() { Devices = before })
	Devices = func(string) ([]Device, error) { return list, err }
}

func open(nn.Engine) (nn.Engine, error) { return devicetest.Failing(1 << 30), nil }

// The flag chooses a device by word, number and part of the name. What cannot be used is told, and
// the processor computes.
func TestNewComputer(t *testing.T) {
	wrong := errors.New("it computes wrong")
	setDevices(t, nil,
		Device{Name: "pthread (Portable, 1 MiB)", CPU: true, Open: open},
		Device{Name: "Fake 3000 (Fakes, 2 MiB)", Open: open},
		Device{Name: "Broken (Fakes, 3 MiB)", Open: func(nn.Engine) (nn.Engine, error) {
			return nil, wrong
		}},
	)
	for _, tt := range []struct{ choice, name, out, err string }{
		{"cpu", "cpu", "", ""},
		{"gpu", "Fake 3000 (Fakes, 2 MiB)", "Device: Fake 3000 (Fakes, 2 MiB)\n", ""},
		{"0", "pthread (Portable, 1 MiB)", "Device: pthread (Portable, 1 MiB)\n", ""},
		{"3000", "Fake 3000 (Fakes, 2 MiB)", "Device: Fake 3000 (Fakes, 2 MiB)\n", ""},
		{"300", "", "", "-device 300: there is no such device; expected cpu, gpu, auto, a number " +
			"below 3 or a part of a name that \"-device list\" shows"},
		{"fake 3", "Fake 3000 (Fakes, 2 MiB)", "Device: Fake 3000 (Fakes, 2 MiB)\n", ""},
		{"broken", "cpu", "The processor computes, as Broken (Fakes, 3 MiB) cannot be used: " +
			"it computes wrong\n", ""},
		{"9", "", "", "-device 9: there is no such device; expected cpu, gpu, auto, a number " +
			"below 3 or a part of a name that \"-device list\" shows"},
	} {
		var out strings.Builder
		c, err := NewComputer(tt.choice, &out, silent)
		if err != nil && err.Error() != tt.err || err == nil && tt.err != "" ||
			out.String() != tt.out || c != nil && c.Name != tt.name {
			t.Errorf("%s: %+v, error %v, out %q; want %+v", tt.choice, c, err, out.String(), tt)
		}
	}
	for _, word := range []string{"CPU", "Gpu", "auto"} {
		var to string
		if err := DeviceFlag(&to).Set(word); err != nil || to != strings.ToLower(word) {
			t.Errorf("%s: chosen %q, error %v", word, to, err)
		}
	}
	const list = "cpu  the processor\n0    pthread (Portable, 1 MiB)\n" +
		"1    Fake 3000 (Fakes, 2 MiB)\n2    Broken (Fakes, 3 MiB)\n"
	var to string
	var got argparse.Answer
	err := DeviceFlag(&to).Set("List")
	if !errors.As(err, &got) || string(got) != list || to != "cpu" {
		t.Errorf("list: %q, error %v, chosen %q", got, err, to)
	}
}

func TestNoDevice(t *testing.T) {
	setDevices(t, errors.New("there is no driver"))
	for _, choice := range []string{"gpu", "auto", "0", "name"} {
		var out strings.Builder
		c, err := NewComputer(choice, &out, silent)
		const want = "The processor computes, as no device can be used: there is no driver\n"
		if err != nil || c.Name != "cpu" || out.String() != want {
			t.Errorf("%s: %+v, error %v, out %q", choice, c, err, out.String())
		}
	}
	if got := deviceList(); got != "cpu  the processor\nNo other device: there is no driver\n" {
		t.Errorf("list: %q", got)
	}
}

// compute is a program that says what computes with its flag -device.
func compute(args []string, _ io.Reader, stdout, stderr io.Writer) int {
	trialLimit, _ = time.ParseDuration(cmp.Or(os.Getenv("TRIAL_LIMIT"), "1m"))
	var device string
	parser := argparse.Parser{Program: "compute", Flags: []argparse.Flag{DeviceFlag(&device)}}
	if status, done := parser.Run(args, stdout, stderr); done {
		return status
	}
	c, err := NewComputer(device, stdout, silent)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	fmt.Fprintln(stdout, c.Name)
	return 0
}

// A device that cannot be opened gives way to the next one that fits the choice, and each is told.
// A device that is the processor is taken only if there is no other, or by its name.
func TestNextDevice(t *testing.T) {
	wrong := func(nn.Engine) (nn.Engine, error) { return nil, errors.New("it computes wrong") }
	broken1, broken2 := Device{Name: "Broken 1", Open: wrong}, Device{Name: "Broken 2", Open: wrong}
	portable := Device{Name: "Portable", CPU: true, Open: open}
	brokenCPU := Device{Name: "Broken CPU", CPU: true, Open: wrong}
	fake := Device{Name: "Fake", Open: open}
	const next1 = "The next device is tried, as Broken 1 cannot be used: it computes wrong\n"
	const next2 = "The next device is tried, as Broken 2 cannot be used: it computes wrong\n"
	const none2 = "The processor computes, as Broken 2 cannot be used: it computes wrong\n"
	for _, tt := range []struct {
		choice, name, out string
		devices           []Device
	}{
		{"gpu", "Fake", next1 + next2 + "Device: Fake\n",
			[]Device{broken1, portable, broken2, fake, brokenCPU}},
		{"auto", "cpu", next1, []Device{broken1, fake}}, // before the race
		{"gpu", "cpu", next1 + none2, []Device{portable, broken1, broken2}},
		{"auto", "cpu", next1 + none2, []Device{broken1, broken2}},
		{"broken", "cpu", next1 + none2, []Device{broken1, fake, broken2}},
		{"2", "cpu", none2, []Device{broken1, fake, broken2, fake}},
		{"gpu", "Portable", "The next device is tried, as Broken CPU cannot be used: it computes " +
			"wrong\nDevice: Portable\n", []Device{brokenCPU, portable}},
	} {
		setDevices(t, nil, tt.devices...)
		var out strings.Builder
		c, err := NewComputer(tt.choice, &out, silent)
		if err != nil || c.Name != tt.name || out.String() != tt.out {
			t.Errorf("%s, %v: %+v, error %v, out %q", tt.choice, tt.devices, c, err, &out)
		}
	}
}

// auto says which one is faster, once, and the training is as without a race.
func TestAuto(t *testing.T) {
	setDevices(t, nil, Device{Name: "Fake 3000", Open: open})
	m, s := autoencoder(t)
	var out strings.Builder
	c, err := NewComputer("auto", &out, silent)
	if err != nil {
		t.Fatal(err)
	}
	want, _ := autoencoder(t)
	for _, fit := range []struct {
		m *nn.Model
		e nn.Engine
	}{{m, c}, {want, devicetest.Failing(1 << 30)}} {
		trainer := nn.NewTrainer(fit.e, fit.m, nn.MeanSquaredError, nn.RMSprop, 1)
		if _, err := trainer.Fit(s, s, 2, 2, nil); err != nil {
			t.Fatal(err)
		}
	}
	n := strings.Count(out.String(), "Device: ")
	if n != 1 || !strings.Contains(out.String(), " ms a batch; ") {
		t.Errorf("told %q", out.String())
	}
	if (c.Name == "Fake 3000") != strings.HasPrefix(out.String(), "Device: Fake 3000, ") {
		t.Errorf("%s computes, told %q", c.Name, out.String())
	}
	for i, l := range m.Layers {
		for j, w := range l.Weights {
			for k, v := range w.Data {
				if v != want.Layers[i].Weights[j].Data[k] {
					t.Fatalf("other weights of %s", l.Name)
				}
			}
		}
	}
}

// A device that fails in the race has computed nothing. If it fails later, the next network is
// computed by the processor alone.
func TestComputed(t *testing.T) {
	for _, tt := range []struct {
		choice string
		after  int // calls, then the device fails
		want   [2]string
	}{
		{"auto", 4, [2]string{"cpu", "cpu"}},
		{"gpu", 4, [2]string{"Fake 3000, then cpu", "cpu"}},
		{"gpu", 1 << 30, [2]string{"Fake 3000", "Fake 3000"}},
	} {
		setDevices(t, nil, Device{Name: "Fake 3000", Open: func(nn.Engine) (nn.Engine, error) {
			return devicetest.Failing(tt.after), nil
		}})
		c, err := NewComputer(tt.choice, io.Discard, silent)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range tt.want {
			m, s := autoencoder(t)
			trainer := nn.NewTrainer(c, m, nn.MeanSquaredError, nn.RMSprop, 1)
			if _, err := trainer.Fit(s, s, 2, 2, nil); err != nil {
				t.Fatal(err)
			}
			if got := c.Computed(); got != want {
				t.Errorf("%s, %d calls: network %d by %q, want %q", tt.choice, tt.after, i, got, want)
			}
		}
	}
}
