package experiment

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"slices"
	"strconv"
	"syscall"
	"time"

	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/nn/cpu"
	"imagesimilarity/pkg/nn/opencl"
)

// trialVariable is the environment variable that makes a process of this program a trial. Its value
// is the choice of the flag -device.
const trialVariable = "IMAGESIMILARITY_DEVICE_TRIAL"

// listed is the exit status of a trial that has ended well. It is none of those that a driver would
// end its process with.
const listed = 42

// trialLimit is the time after which a trial is given up. A driver that compiles on a slow
// processor may need a minute.
var trialLimit = 3 * time.Minute

// init lets the process be a trial, whatever program or test it is.
func init() {
	choice := os.Getenv(trialVariable)
	if !opencl.Built || choice == "" {
		return
	}
	// The signals of a terminal go to all processes. The trial leaves them to the program, and ends
	// when the pipe from it ends.
	signal.Ignore(syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM)
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(1)
	}()
	list, err := devices()
	if err == nil && choice != listAll {
		try(choice, list, os.Args[1:])
	}
	os.Exit(listed)
}

// try opens the devices that fit a choice up to the first one that can be used, but none of those
// that earlier trials have tried. It writes which one it opens, and then what came of it. The
// program makes the choice again, and tells what is wrong with it.
func try(choice string, list []Device, earlier []string) {
	for i := range list {
		open := list[i].Open
		list[i].Open = func(reference nn.Engine) (nn.Engine, error) {
			if slices.Contains(earlier, strconv.Itoa(i)) {
				return nil, errors.New("an earlier trial has tried it")
			}
			fmt.Printf("\n%s %d\n", trialVariable, i)
			engine, err := open(reference)
			why := ""
			if err != nil {
				why = err.Error()
			}
			fmt.Printf("\n%s %d %q\n", trialVariable, i, why)
			return engine, err
		}
	}
	if fit, err := choose(choice, list); err == nil {
		openFirst(fit, cpu.New(), io.Discard)
	}
}

// outcome matches what try writes. Drivers may write to the same file.
var outcome = regexp.MustCompile(`(?m)^` + trialVariable + ` (\d+)(?: (".*"))?$`)

// addOutcomes adds to tried which devices a trial has opened, by their numbers, and why it could
// not use them. It returns the number of the one that the trial was opening when it ended, or -1.
func addOutcomes(tried map[int]error, text []byte) (opening int) {
	opening = -1
	for _, found := range outcome.FindAllSubmatch(text, -1) {
		number, _ := strconv.Atoi(string(found[1]))
		if found[2] == nil {
			opening = number
			continue
		}
		opening = -1
		tried[number] = nil
		if why, _ := strconv.Unquote(string(found[2])); why != "" {
			tried[number] = errors.New(why)
		}
	}
	return opening
}

// crash matches how Go's runtime names the signal, or the exception of Windows, that ends the
// process.
var crash = regexp.MustCompile(`SIG(ABRT|BUS|FPE|ILL|SEGV|TRAP)|Exception 0x[0-9a-f]+`)

// scarce matches what Go's runtime writes when it ends the process because memory is limited.
var scarce = regexp.MustCompile(`out of memory|cannot allocate memory|pthread_create failed`)

// tryDrivers lets other processes load the drivers and open the devices of a choice, as no process
// survives a crash in a library that it has loaded. It returns which devices they have opened, and
// why they could not use them. If a process crashes, ends or hangs while it opens a device, that
// device cannot be used, and another process tries the next one. If that happens while drivers are
// loaded or list their devices, tryDrivers returns an error. What drivers write in a trial is not
// shown: they write it again in the program.
//
// A trial tests the device that it opens, so that the program need not do it again. A driver that
// crashes later, while it compiles or runs other networks, still ends the program.
func tryDrivers(choice string) (tried map[int]error, err error) {
	tried = map[int]error{}
	for {
		out, err := runTrial(choice, tried)
		opening := addOutcomes(tried, out)
		if err == nil {
			return tried, nil
		}
		if opening < 0 {
			return nil, err
		}
		tried[opening] = err
	}
}

// runTrial runs a process that opens the devices of a choice, but none of those that were tried. It
// returns what that wrote, and an error if it did not end as it should.
func runTrial(choice string, tried map[int]error) (out []byte, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), trialLimit)
	defer cancel()
	trial, err := newTrial(ctx, choice, tried)
	if err != nil {
		return nil, err
	}
	type result struct {
		out []byte
		err error
	}
	ended, r := make(chan result, 1), result{}
	go func() {
		out, err := trial.Output()
		ended <- result{out, err}
	}()
	select {
	case r = <-ended:
	case <-time.After(trialLimit + 2*trial.WaitDelay):
		// a process that hangs in the kernel does not end although it is killed
	}
	const broken = "OpenCL: a driver seems broken, as the process that tried the devices "
	if ctx.Err() != nil {
		return r.out, fmt.Errorf(broken+"had not ended after %v", trialLimit)
	}
	if trial.ProcessState == nil {
		return nil, fmt.Errorf(noTrial, r.err)
	}
	if trial.ProcessState.ExitCode() == listed {
		return r.out, nil
	}
	how := trial.ProcessState.String()
	var exit *exec.ExitError
	if errors.As(r.err, &exit) {
		if scarce.Match(exit.Stderr) {
			return r.out,
				errors.New("OpenCL: the process that tried the devices had not enough memory")
		}
		how = cmp.Or(string(crash.Find(exit.Stderr)), how)
	}
	return r.out, errors.New(broken + "died: " + how)
}

const noTrial = "OpenCL: the process that tries the drivers cannot be started: %w"

// newTrial returns the command of a trial. Its arguments are the devices that were tried.
func newTrial(ctx context.Context, choice string, tried map[int]error) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf(noTrial, err)
	}
	c := exec.CommandContext(ctx, self)
	for number := range tried {
		c.Args = append(c.Args, strconv.Itoa(number))
	}
	c.Env = append(os.Environ(), trialVariable+"="+choice)
	c.WaitDelay = time.Second // a process that a driver has started may keep the outputs open
	// The trial gets nothing of what is typed.
	if _, err := c.StdinPipe(); err != nil {
		return nil, fmt.Errorf(noTrial, err)
	}
	return c, nil
}
