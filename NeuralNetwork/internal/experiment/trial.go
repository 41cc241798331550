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
	"syscall"
	"time"

	"imagesimilarity/pkg/nn/opencl"
)

// trialVariable is the environment variable that makes a process of this program a trial, which
// does nothing but list the devices.
const trialVariable = "IMAGESIMILARITY_DEVICE_TRIAL"

// listed is the exit status of a trial that has ended well. It is none of those that a driver would
// end its process with.
const listed = 42

// trialLimit is the time after which a trial is given up. A machine with many devices may need some
// seconds.
var trialLimit = time.Minute

// init lets the process be a trial, whatever program or test it is.
func init() {
	if !opencl.Built || os.Getenv(trialVariable) == "" {
		return
	}
	// The signals of a terminal go to all processes. The trial leaves them to the program, and ends
	// when the pipe from it ends.
	signal.Ignore(syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM)
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(1)
	}()
	opencl.Devices()
	os.Exit(listed)
}

// crash matches how Go's runtime names the signal, or the exception of Windows, that ends the
// process.
var crash = regexp.MustCompile(`SIG(ABRT|BUS|FPE|ILL|SEGV|TRAP)|Exception 0x[0-9a-f]+`)

// tryDrivers returns an error if a driver crashes, ends its process or hangs when it is loaded or
// lists its devices. No process survives a crash in a library that it has loaded, so a trial comes
// before the program itself loads the drivers. What they write in the trial is not shown: they
// write it again in the program.
//
// The trial does not open a device or compile kernels: the program would wait for both twice. A
// driver that crashes then, or while the device computes, still ends the program.
func tryDrivers() error {
	ctx, cancel := context.WithTimeout(context.Background(), trialLimit)
	defer cancel()
	trial, err := newTrial(ctx)
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() {
		_, err := trial.Output()
		ended <- err
	}()
	select {
	case err = <-ended:
	case <-ctx.Done(): // a process that hangs in the kernel does not end although it is killed
	}
	const broken = "OpenCL: a driver seems broken, as the process that tried to list the devices "
	if ctx.Err() != nil {
		return fmt.Errorf(broken+"had not ended after %v", trialLimit)
	}
	if trial.ProcessState == nil {
		return fmt.Errorf(noTrial, err)
	}
	if trial.ProcessState.ExitCode() == listed {
		return nil
	}
	how := trial.ProcessState.String()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		how = cmp.Or(string(crash.Find(exit.Stderr)), how)
	}
	return errors.New(broken + "died: " + how)
}

const noTrial = "OpenCL: the process that tries the drivers cannot be started: %w"

// newTrial returns the command of a trial.
func newTrial(ctx context.Context) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf(noTrial, err)
	}
	c := exec.CommandContext(ctx, self)
	c.Env = append(os.Environ(), trialVariable+"=1")
	c.WaitDelay = time.Second // a process that a driver has started may keep the outputs open
	// The trial gets nothing of what is typed.
	if _, err := c.StdinPipe(); err != nil {
		return nil, fmt.Errorf(noTrial, err)
	}
	return c, nil
}
