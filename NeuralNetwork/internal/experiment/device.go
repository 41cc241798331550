package experiment

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"imagesimilarity/NeuralNetwork/internal/argparse"
	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/nn/cpu"
	"imagesimilarity/pkg/nn/opencl"
	"imagesimilarity/pkg/program"
	"imagesimilarity/pkg/progress"
)

// A Device is one that may compute networks instead of the processor.
type Device struct {
	Name string
	CPU  bool // it is the processor, under another name
	// Open returns its engine. It compares what that computes with a reference, if there is one.
	Open func(reference nn.Engine) (nn.Engine, error)
}

// Devices returns the devices of this machine, after a trial that opens those of a choice. Tests
// replace it.
var Devices = func(choice string) (list []Device, err error) {
	var tried map[int]error
	if opencl.Built {
		if tried, err = tryDrivers(choice); err != nil {
			return nil, err
		}
	}
	list, err = devices()
	for i, why := range tried {
		if i >= len(list) {
			continue // the drivers have changed
		}
		open := list[i].Open
		list[i].Open = func(nn.Engine) (nn.Engine, error) {
			if why != nil {
				return nil, why
			}
			return open(nil) // it has been tested
		}
	}
	return list, err
}

// devices returns the devices of this machine.
func devices() (list []Device, err error) {
	found, err := opencl.Devices()
	for _, d := range found {
		list = append(list, Device{
			Name: d.String(), CPU: d.Processor,
			Open: func(reference nn.Engine) (nn.Engine, error) {
				return opencl.Open(d, reference, program.Pause)
			},
		})
	}
	if err == nil && len(list) == 0 {
		err = errors.New("OpenCL: no driver has a device")
	}
	return list, err
}

// The words of the flag -device. It may also have a device's number or a part of its name.
const (
	onCPU   = "cpu"
	onGPU   = "gpu"
	onFast  = "auto"
	listAll = "list"
)

// DeviceFlag returns the flag -device.
func DeviceFlag(to *string) argparse.Flag {
	*to = onCPU
	return argparse.Flag{
		Short: "-device", Long: "--device", Whole: true,
		Set: func(value string) error {
			switch word := strings.ToLower(value); word {
			case listAll:
				return argparse.Answer(deviceList())
			case "":
				return errors.New("expected cpu, gpu, auto, list, or a device, found an empty word")
			case onCPU, onGPU, onFast:
				value = word
			}
			*to = value
			return nil
		},
		Help: "what computes the networks: cpu (the default, which gives the same files everywhere), " +
			"gpu, auto (the faster one), or a device's number or a part of its name; list shows them",
	}
}

// deviceList returns the words that choose a device, and what they choose.
func deviceList() string {
	text := "cpu  the processor\n"
	list, err := Devices(listAll)
	if err != nil {
		return text + fmt.Sprintf("No other device: %v\n", err)
	}
	for i, d := range list {
		text += fmt.Sprintf("%-3d  %s\n", i, d.Name)
	}
	return text
}

// choose returns the devices of a list that fit a choice other than cpu, in the order in which they
// are to be tried.
func choose(choice string, list []Device) (fit []Device, err error) {
	if choice == onGPU || choice == onFast {
		for _, d := range list {
			if !d.CPU {
				fit = append(fit, d)
			}
		}
		if len(fit) == 0 {
			return list, nil
		}
		return fit, nil
	}
	i, err := strconv.Atoi(choice)
	if err == nil && i >= 0 && i < len(list) {
		return list[i : i+1], nil
	}
	for _, d := range list {
		name, part := strings.ToLower(d.Name), strings.ToLower(choice)
		// A number has to be a whole word: 3090, but not the 1 of 11226 MiB.
		if err != nil && strings.Contains(name, part) ||
			err == nil && slices.Contains(strings.Fields(name), part) {
			fit = append(fit, d)
		}
	}
	if len(fit) > 0 {
		return fit, nil
	}
	return nil, fmt.Errorf("-device %s: there is no such device; expected %s, %s, %s, "+
		"a number below %d or a part of a name that \"-device %s\" shows",
		choice, onCPU, onGPU, onFast, len(list), listAll)
}

// openFirst opens the first device of a list that can be used, and returns its engine, nil if there
// is none. It says on out why it could not use one.
func openFirst(list []Device, reference nn.Engine, out io.Writer) (Device, nn.Engine) {
	for i, d := range list {
		engine, err := d.Open(reference)
		if err == nil {
			return d, engine
		}
		next := "The next device is tried"
		if i == len(list)-1 {
			next = "The processor computes"
		}
		fmt.Fprintf(out, "%s, as %s cannot be used: %v\n", next, d.Name, err)
	}
	return Device{}, nil
}

// A Computer is the engine of the flag -device, and what it is.
type Computer struct {
	nn.Engine
	// Name is what computed since the last call of Computed: cpu, a device, or both if one has taken
	// over from the other.
	Name string
	next string // what will compute
}

// Computed returns what computed a network. What is computed after it belongs to the next one.
func (c *Computer) Computed() string {
	name := c.Name
	c.Name = c.next
	return name
}

// NewComputer returns the engine for a choice; none is cpu. It says on out which device it uses,
// and why another one has to do the work, now or later. Only a choice that no device fits is an
// error, if there are devices.
func NewComputer(choice string, out io.Writer, display *progress.Display) (*Computer, error) {
	c := &Computer{Engine: cpu.New(), Name: onCPU, next: onCPU}
	if choice == onCPU || choice == "" {
		return c, nil
	}
	display.Phase("opening the device")
	list, err := Devices(choice)
	if err != nil {
		fmt.Fprintf(out, "The processor computes, as no device can be used: %v\n", err)
		return c, nil
	}
	fit, err := choose(choice, list)
	if err != nil {
		return nil, err
	}
	other := c.Engine
	d, engine := openFirst(fit, other, out)
	if engine == nil {
		return c, nil
	}
	tell := func(why error, lost bool) {
		text := "\nThe processor computes this network, as the device cannot: %v\n"
		if lost {
			text = "\nThe device failed, the processor goes on: %v\n"
			c.next = onCPU
		}
		fmt.Fprintf(out, text, why)
		if c.Name == d.Name { // else it failed before it computed anything
			c.Name += ", then " + onCPU
		}
	}
	if choice != onFast {
		c.Name, c.next = d.Name, d.Name
		c.Engine = opencl.WithFallback(engine, other, tell)
		fmt.Fprintf(out, "Device: %s\n", d.Name)
		return c, nil
	}
	c.Engine = opencl.Faster(engine, other, tell, func(device, processor time.Duration) {
		if processor <= device {
			fmt.Fprintf(out, "Device: the processor, %s a batch; %s takes %s\n",
				milliseconds(processor), d.Name, milliseconds(device))
			return
		}
		c.Name, c.next = d.Name, d.Name
		fmt.Fprintf(out, "Device: %s, %s a batch; the processor takes %s\n",
			d.Name, milliseconds(device), milliseconds(processor))
	})
	return c, nil
}

func milliseconds(d time.Duration) string {
	return strconv.FormatFloat(d.Seconds()*1000, 'g', 3, 64) + " ms"
}
