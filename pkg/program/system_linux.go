package program

import (
	"fmt"
	"math"
	"os"
	"path"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// files is the number of files that Go's runtime needs to open the first: two for its poller.
// After that, a file that cannot be opened is an error like others.
const files = 3

// threads is the number of threads that Go's runtime has besides those that run goroutines: for
// calls that block and for signals.
const threads = 11

// checkSystem returns an error if fewer than files can be opened or fewer than threads started. If
// there are few threads, fewer goroutines run at a time from now on.
func checkSystem() error {
	if err := checkFiles(); err != nil {
		return err
	}
	left := threadsLeft()
	if left == math.MaxInt {
		return nil
	}
	own := threadsOf("self")
	if own+left < threads+1 {
		return fmt.Errorf("only %d threads are allowed; expected at least %d (ulimit -u, pids.max)",
			own+left, threads+1)
	}
	if cores := own + left - threads; cores < runtime.GOMAXPROCS(0) {
		runtime.GOMAXPROCS(cores)
	}
	return nil
}

// checkFiles opens as many files as a program needs, and closes them. It calls the system itself:
// the first file that package os opens ends the program if there are none for its poller.
func checkFiles() error {
	var opened []int
	defer func() {
		for _, f := range opened {
			unix.Close(f)
		}
	}()
	for range files {
		f, err := unix.Open("/", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("only %d more files can be opened; expected at least %d: %w",
				len(opened), files, err)
		}
		opened = append(opened, f)
	}
	return nil
}

// threadsLeft returns the number of threads that the limit of the user and the control groups
// leave (getrlimit(2), cgroups(7)). It does not ask if the limit is beyond what a program needs,
// whatever else runs.
func threadsLeft() int {
	left := math.MaxInt
	var limit unix.Rlimit
	// The limit does not hold for the superuser.
	if unix.Getrlimit(unix.RLIMIT_NPROC, &limit) == nil && limit.Cur < 1<<12 && os.Getuid() != 0 {
		left = max(0, int(limit.Cur)-threadsOfUser(os.Getuid()))
	}
	groups, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return left
	}
	for line := range strings.Lines(string(groups)) {
		part := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(part) != 3 {
			continue
		}
		for _, root := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/pids"} {
			dir := path.Join(root, part[2])
			most, limited := number(path.Join(dir, "pids.max"))
			current, known := number(path.Join(dir, "pids.current"))
			if limited && known {
				left = min(left, max(0, most-current))
			}
		}
	}
	return left
}

// threadsOfUser returns the number of threads of a user.
func threadsOfUser(user int) int {
	processes, err := os.ReadDir("/proc")
	if err != nil {
		return 0
	}
	total := 0
	for _, p := range processes {
		if info, err := p.Info(); err == nil {
			if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) == user {
				total += threadsOf(p.Name())
			}
		}
	}
	return total
}

// threadsOf returns the number of threads of a process, or 0 if there is no such process.
func threadsOf(process string) int {
	tasks, err := os.ReadDir(path.Join("/proc", process, "task"))
	if err != nil {
		return 0
	}
	return len(tasks)
}

// number returns the number in a file, or false if there is none.
func number(name string) (int, bool) {
	text, err := os.ReadFile(name)
	if err != nil {
		return 0, false
	}
	v, err := strconv.Atoi(strings.TrimSpace(string(text)))
	return v, err == nil
}
