package memory

import (
	"math"
	"testing"
	"testing/fstest"
)

// files returns a file system with these files.
func files(content map[string]string) fstest.MapFS {
	root := fstest.MapFS{}
	for name, text := range content {
		root[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return root
}

const gib = 1 << 30

func TestMachine(t *testing.T) {
	root := files(map[string]string{
		"proc/meminfo": "MemTotal:       2097152 kB\nMemFree: 1 kB\nMemAvailable:    1048576 kB\n",
	})
	if got := machine(root); got != gib {
		t.Errorf("%d, want 1 GiB", got)
	}
	if got := machine(files(nil)); got != math.MaxInt64 {
		t.Errorf("%d, want no bound if the machine does not tell", got)
	}
}

// The files are as the kernel writes them: version 1, version 2, both, and containers.
func TestGroups(t *testing.T) {
	const (
		none     = "9223372036854771712\n" // no limit in version 1
		mount1   = "36 31 0:33 / /sys/fs/cgroup/memory rw shared:9 - cgroup cgroup rw,memory\n"
		mount2   = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
		another  = "35 31 0:32 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
		inSlice2 = "0::/user.slice/app.scope\n"
	)
	for _, c := range []struct {
		name string
		root map[string]string
		want int64
	}{
		{"no groups", nil, math.MaxInt64},
		{"version 2", map[string]string{
			"proc/self/cgroup":                                  inSlice2,
			"proc/self/mountinfo":                               mount2,
			"sys/fs/cgroup/user.slice/app.scope/memory.max":     "3221225472\n",
			"sys/fs/cgroup/user.slice/app.scope/memory.current": "1073741824\n",
			"sys/fs/cgroup/user.slice/app.scope/memory.stat":    "anon 5\ninactive_file 536870912\n",
		}, 2*gib + gib/2},
		{"version 2, the group above is nearly full", map[string]string{
			"proc/self/cgroup":                                  inSlice2,
			"proc/self/mountinfo":                               another + mount2,
			"sys/fs/cgroup/user.slice/app.scope/memory.max":     "max\n",
			"sys/fs/cgroup/user.slice/app.scope/memory.current": "0\n",
			"sys/fs/cgroup/user.slice/memory.max":               "4294967296\n",
			"sys/fs/cgroup/user.slice/memory.current":           "3221225472\n",
		}, gib},
		{"version 2, over its limit", map[string]string{
			"proc/self/cgroup":             "0::/\n",
			"proc/self/mountinfo":          mount2,
			"sys/fs/cgroup/memory.max":     "1073741824\n",
			"sys/fs/cgroup/memory.current": "1073745920\n",
		}, 0},
		{"version 1, nested", map[string]string{
			"proc/self/cgroup": "9:name=systemd:/\n" +
				"4:cpu,memory:/a/b\n0::/\n",
			"proc/self/mountinfo":                            another + mount1,
			"sys/fs/cgroup/memory/a/b/memory.limit_in_bytes": none,
			"sys/fs/cgroup/memory/a/b/memory.usage_in_bytes": "5\n",
			"sys/fs/cgroup/memory/a/memory.limit_in_bytes":   "2147483648\n",
			"sys/fs/cgroup/memory/a/memory.usage_in_bytes":   "2147483648\n",
			"sys/fs/cgroup/memory/a/memory.stat": "cache 9\n" +
				"total_inactive_file 1073741824\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes":          none,
			"sys/fs/cgroup/memory/other/memory.limit_in_bytes":    "1\n",
			"sys/fs/cgroup/memory/other/memory.usage_in_bytes":    "0\n",
			"sys/fs/cgroup/cpu/a/b/memory.limit_in_bytes":         "1\n",
			"sys/fs/cgroup/memory/docker/memory.limit_in_bytes":   "1\n",
			"sys/fs/cgroup/memory/docker/c/memory.limit_in_bytes": "1\n",
		}, gib},
		{"version 1 in a container that sees its own group as the root", map[string]string{
			"proc/self/cgroup": "4:memory:/docker/c\n",
			"proc/self/mountinfo": "36 31 0:33 /docker/c /sys/fs/cgroup/memory rw - cgroup cgroup " +
				"rw,memory\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "1073741824\n",
			"sys/fs/cgroup/memory/memory.usage_in_bytes": "0\n",
		}, gib},
		{"version 2 in a namespace that does not tell the group's name", map[string]string{
			"proc/self/cgroup":             "0::/../../elsewhere\n",
			"proc/self/mountinfo":          mount2,
			"sys/fs/cgroup/memory.max":     "1073741824\n",
			"sys/fs/cgroup/memory.current": "0\n",
		}, gib},
	} {
		if got := groups(files(c.root)); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}
