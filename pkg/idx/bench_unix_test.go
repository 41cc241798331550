//go:build unix

package idx

import (
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// BenchmarkMapped reads a file of images through memory that is mapped anew for every pass, and
// through ReadAt in pieces. A mapped file that is cut ends the process by a signal.
func BenchmarkMapped(b *testing.B) {
	plain := benchContent(b)
	f, err := os.Open(file(b, plain))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	add := func(p []byte) {
		for _, v := range p {
			sum += uint64(v)
		}
	}
	b.Run("mapped", func(b *testing.B) {
		b.SetBytes(int64(len(plain)))
		for b.Loop() {
			m, err := unix.Mmap(int(f.Fd()), 0, len(plain), unix.PROT_READ, unix.MAP_SHARED)
			if err != nil {
				b.Fatal(err)
			}
			add(m)
			unix.Munmap(m)
		}
	})
	for _, size := range []int{64 << 10, 1 << 20, 16 << 20} {
		b.Run(fmt.Sprintf("ReadAt of %d KiB", size>>10), func(b *testing.B) {
			p := make([]byte, size)
			b.SetBytes(int64(len(plain)))
			for b.Loop() {
				for at := 0; at < len(plain); at += size {
					n, _ := f.ReadAt(p, int64(at))
					add(p[:n])
				}
			}
		})
	}
}
