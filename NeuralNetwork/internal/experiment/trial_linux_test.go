//go:build gpu

package experiment

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// buildDriver compiles the driver of testdata. It returns a function that returns the command of a
// program with the flag -device, for which there is only that driver, with a fault.
func buildDriver(t *testing.T) func(device, fault string) *exec.Cmd {
	t.Helper()
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("drivers that crash: not tested, they need a C compiler: ", err)
	}
	dir := t.TempDir()
	library := filepath.Join(dir, "driver.so")
	out, err := exec.Command(cc, "-shared", "-fPIC", "-o", library, "testdata/driver.c").
		CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := os.WriteFile(filepath.Join(dir, "driver.icd"), []byte(library), 0o666); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	command := func(device, fault string) *exec.Cmd {
		c := exec.CommandContext(ctx, self, "-device", device)
		c.Env = append(os.Environ(), "COMPUTE=1", "OCL_ICD_VENDORS="+dir, "DRIVER_FAULT="+fault)
		return c
	}
	if out, _ := command("list", "").CombinedOutput(); bytes.Contains(out, []byte("no library")) {
		t.Skip("drivers that crash: not tested, OpenCL's library is not there")
	}
	return command
}

// What the programs say of a driver with a fault.
const seemsBroken = "a driver seems broken, as the process that tried the devices "

// A driver that crashes, ends its process or hangs, while it is loaded or lists its devices, is
// told in a sentence, and the processor computes.
func TestFaultyDrivers(t *testing.T) {
	command := buildDriver(t)
	for fault, how := range map[string]string{
		"load crash": "died: SIGSEGV", "load exit 0": "died: exit status 0",
		"list abort": "died: SIGABRT", "list exit 3": "died: exit status 3",
		"list hang": "had not ended after 100ms",
	} {
		for device, format := range map[string]string{
			"list": "cpu  the processor\nNo other device: OpenCL: %s\n",
			"gpu":  "The processor computes, as no device can be used: OpenCL: %s\ncpu\n",
		} {
			c := command(device, fault)
			if fault == "list hang" {
				c.Env = append(c.Env, "TRIAL_LIMIT=100ms")
			}
			out, err := c.CombinedOutput()
			want := fmt.Sprintf(format, seemsBroken+how)
			if string(out) != want || err != nil {
				t.Errorf("-device %s, %s: %v, %q; want %q", device, fault, err, out, want)
			}
		}
	}
}

// A device that cannot be opened, or whose driver crashes, ends its process or hangs meanwhile, is
// told in a sentence, and the next one is tried.
func TestFaultyDevices(t *testing.T) {
	command := buildDriver(t)
	const (
		missing = "clCreateContext failed with code -2 (the device is not available)"
		scarce  = "the process that tried the devices had not enough memory"
		format  = "The next device is tried, as First (Faults, 1 MiB) cannot be used: OpenCL: %s\n" +
			"The processor computes, as Second (Faults, 1 MiB) cannot be used: OpenCL: %s\ncpu\n"
	)
	for _, tt := range []struct{ fault, first, second string }{
		{"", missing, missing},
		{"first crash", seemsBroken + "died: SIGSEGV", missing},
		{"first hang", seemsBroken + "had not ended after 5s", missing},
		{"first no memory", scarce, missing},
		{"open exit 0", seemsBroken + "died: exit status 0", seemsBroken + "died: exit status 0"},
	} {
		c := command("gpu", tt.fault)
		if tt.fault == "first hang" { // after a time in which the trial gets there
			c.Env = append(c.Env, "TRIAL_LIMIT=5s")
		}
		out, err := c.CombinedOutput()
		want := fmt.Sprintf(format, tt.first, tt.second)
		if string(out) != want || err != nil {
			t.Errorf("%q: %v, %q; want %q", tt.fault, err, out, want)
		}
	}
}

// The devices of a driver are listed without opening them.
func TestDevicesAreListed(t *testing.T) {
	const want = "cpu  the processor\n" +
		"0    First (Faults, 1 MiB)\n1    Second (Faults, 1 MiB)\n"
	out, err := buildDriver(t)("list", "open crash").CombinedOutput()
	if string(out) != want || err != nil {
		t.Errorf("%v, %q; want %q", err, out, want)
	}
}

// A program that a signal ends while a driver hangs leaves no process behind, whether the signal is
// sent to the program or, as by a terminal, to all its processes.
func TestSignalsWhileADriverHangs(t *testing.T) {
	command := buildDriver(t)
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT, syscall.SIGKILL} {
		for _, all := range []bool{true, false} {
			// The driver writes to the pipe when it hangs. The pipe ends with the last process.
			hangs, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			c := command("gpu", "load hang")
			c.Stdout, c.Stderr = &out, &out
			c.ExtraFiles, c.Env = []*os.File{w}, append(c.Env, "DRIVER_PIPE=1")
			c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			w.Close()
			defer syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
			if _, err := hangs.Read(make([]byte, 1)); err != nil {
				t.Fatal(err, out.String())
			}
			to := c.Process.Pid
			if all {
				to = -to
			}
			if err := syscall.Kill(to, s); err != nil {
				t.Fatal(err)
			}
			c.Wait()
			hangs.SetReadDeadline(time.Now().Add(10 * time.Second))
			if _, err := hangs.Read(make([]byte, 1)); err != io.EOF {
				t.Errorf("%v, to all %v: a process is left: %v", s, all, err)
			}
			hangs.Close()
			status := c.ProcessState.Sys().(syscall.WaitStatus)
			if out.Len() > 0 || status.Signal() != s && status.ExitStatus() != 128+int(s) {
				t.Errorf("%v, to all %v: %v, %q", s, all, c.ProcessState, &out)
			}
		}
	}
}
