package memory

import (
	"bufio"
	"bytes"
	"io/fs"
	"math"
	"os"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// available returns the bytes that the machine, the control groups of the process and its limits
// leave, whichever is least, or math.MaxInt64 if they are not known.
func available() int64 {
	root := os.DirFS("/")
	return max(0, min(machine(root), groups(root), limits(root)))
}

// machine returns the available memory of the machine (proc(5), meminfo).
func machine(root fs.FS) int64 {
	if kib, ok := field(root, "proc/meminfo", "MemAvailable:"); ok {
		return kib << 10
	}
	return math.MaxInt64
}

// limits returns what RLIMIT_AS and RLIMIT_DATA leave (getrlimit(2); proc(5), status).
func limits(root fs.FS) int64 {
	return min(
		addressSpace(limit(root, unix.RLIMIT_AS, "VmSize:")),
		data(limit(root, unix.RLIMIT_DATA, "VmData:")),
	)
}

// limit returns the bytes that a limit of the process leaves, or math.MaxInt64 if it has no limit.
func limit(root fs.FS, resource int, used string) int64 {
	var limit unix.Rlimit
	kib, ok := field(root, "proc/self/status", used)
	if unix.Getrlimit(resource, &limit) != nil || limit.Cur >= math.MaxInt64 || !ok {
		return math.MaxInt64
	}
	return max(0, int64(limit.Cur)-kib<<10)
}

// least is the memory in bytes that Go's runtime may need for itself while a program works.
const least = 16 << 20

// addressSpace returns the memory of the heap that fits into an address space of left bytes.
func addressSpace(left int64) int64 {
	// The heap takes it in arenas of 64 MiB, of which it has the first already. A large object must
	// find its place between the others.
	const arena = 64 << 20
	switch {
	case left == math.MaxInt64:
		return left
	case left < least:
		return 0
	}
	return max(arena/2, (left-2*arena)/4*3)
}

// data returns the memory of the heap that fits into left bytes of data.
func data(left int64) int64 {
	if left == math.MaxInt64 {
		return left
	}
	return max(0, left-least) / 4 * 3
}

// groups returns what the control groups leave in which the process is, and those above them
// (cgroups(7)).
func groups(root fs.FS) int64 {
	left := int64(math.MaxInt64)
	text, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return left
	}
	for line := range strings.Lines(string(text)) {
		// hierarchy:controllers:path
		part := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(part) != 3 {
			continue
		}
		switch {
		case part[0] == "0": // version 2
			left = min(left, group(root, "cgroup2", "", part[2],
				"memory.max", "memory.current", "inactive_file"))
		case contains(part[1], "memory"):
			left = min(left, group(root, "cgroup", "memory", part[2],
				"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"))
		}
	}
	return left
}

// contains reports whether a list with commas has the word.
func contains(list, word string) bool {
	return strings.Contains(","+list+",", ","+word+",")
}

// group returns what a control group and those above it leave. They lie where a file system of
// that kind is mounted, with that option. The names are those of the files with the limit and the
// usage, and of the entry of memory.stat that counts the files' pages that can be dropped.
func group(root fs.FS, kind, option, name, limit, usage, droppable string) int64 {
	left := int64(math.MaxInt64)
	mounts, err := fs.ReadFile(root, "proc/self/mountinfo")
	if err != nil {
		return left
	}
	for line := range strings.Lines(string(mounts)) {
		before, after, _ := strings.Cut(strings.TrimSpace(line), " - ")
		at, system := strings.Fields(before), strings.Fields(after)
		if len(at) < 5 || len(system) < 3 || system[0] != kind ||
			option != "" && !contains(system[2], option) {
			continue
		}
		// Only a part of the hierarchy may be mounted. In a container the process does not know its
		// whole name, and its group may be the mounted root.
		below := path.Join("/", strings.TrimPrefix(name, strings.TrimSuffix(at[3], "/")))
		for ; ; below = path.Dir(below) {
			dir := strings.TrimPrefix(path.Join(at[4], below), "/")
			if most, ok := number(root, path.Join(dir, limit)); ok {
				used, _ := number(root, path.Join(dir, usage))
				drop, _ := field(root, path.Join(dir, "memory.stat"), droppable)
				left = min(left, max(0, most-used+drop))
			}
			if below == "/" {
				break
			}
		}
	}
	return left
}

// number returns the number in a file, or false if there is none, as in a group without limit.
func number(root fs.FS, name string) (int64, bool) {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return 0, false
	}
	v, err := strconv.ParseInt(string(bytes.TrimSpace(text)), 10, 64)
	// The largest number of version 1 stands for no limit.
	return v, err == nil && v < math.MaxInt64&^0xffff
}

// field returns the number after a key at the beginning of a line.
func field(root fs.FS, name, key string) (int64, bool) {
	f, err := root.Open(name)
	if err != nil {
		return 0, false
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if words := strings.Fields(lines.Text()); len(words) > 1 && words[0] == key {
			v, err := strconv.ParseInt(words[1], 10, 64)
			return v, err == nil
		}
	}
	return 0, false
}
