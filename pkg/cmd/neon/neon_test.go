package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// folders are those of the packages, by name.
var folders = map[string]string{"metric": "../../metric", "kernel": "../../nn/internal/kernel"}

func TestFilesAreGenerated(t *testing.T) {
	for pkg, folder := range folders {
		for name, want := range generate(pkg) {
			got, err := os.ReadFile(filepath.Join(folder, name))
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != want {
				t.Errorf("%s is not what the generator writes; make asm", filepath.Join(folder, name))
			}
		}
	}
}

func TestRunRefuses(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, args := range [][]string{nil, {"nn"}, {"metric", "kernel"}} {
		if err := run(args); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
	if found, err := os.ReadDir("."); err != nil || len(found) > 0 {
		t.Errorf("wrote %v, %v", found, err)
	}
	if err := run([]string{"metric"}); err != nil {
		t.Error(err)
	}
	if found, err := os.ReadDir("."); err != nil || len(found) != 2 {
		t.Errorf("wrote %v, %v, want two files", found, err)
	}
}

// An instruction that is written as a number.
type word struct {
	line, comment string
	code          uint32
}

var wordLine = regexp.MustCompile(`^\tWORD\t\$0x([0-9a-f]{8}) // (.*)\n$`)

// words returns the numbers in the assembly of a package. It fails if one stands in another form
// than the generator writes.
func words(t *testing.T, folder string) (found []word) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, assemblyFile))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		m := wordLine.FindStringSubmatch(line)
		if m == nil {
			if strings.Contains(line, "WORD") && !strings.Contains(line, "//") {
				t.Errorf("%s: %q is no number with its comment", folder, line)
			}
			continue
		}
		code, err := strconv.ParseUint(m[1], 16, 32)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, word{line, m[2], uint32(code)})
	}
	return found
}

// TestWords decodes each number and compares it with the comment beside it. A number with another
// bit must not be taken for it.
func TestWords(t *testing.T) {
	known := map[uint32]bool{}
	for _, folder := range folders {
		list := words(t, folder)
		if len(list) < 50 {
			t.Errorf("%s has only %d instructions as numbers", folder, len(list))
		}
		for _, w := range list {
			if got := decode(w.code); got != w.comment {
				t.Errorf("%s: %q is %q", folder, w.line, got)
			}
			if known[w.code] {
				continue
			}
			known[w.code] = true
			for bit := range 32 {
				if got := decode(w.code ^ 1<<bit); got == w.comment {
					t.Errorf("%s: %q and the same with another bit %d are both %q", folder, w.line, bit, got)
				}
			}
		}
	}
}

// decode returns an instruction in Arm's notation, or "unknown". It follows the tables "Data
// processing: Scalar Floating-Point and Advanced SIMD" of the Arm Architecture Reference Manual
// (DDI 0487, C4.1), and not the generator.
func decode(code uint32) string {
	bits := func(high, low int) uint32 { return code >> low & (1<<(high-low+1) - 1) }
	const unknown = "unknown"
	if bits(31, 30) != 0b01 { // 128-bit vectors
		return unknown
	}
	u, size, opcode := bits(29, 29), bits(23, 22), bits(15, 11)
	m, n, d := bits(20, 16), bits(9, 5), bits(4, 0)
	shape := []string{"16b", "8h", "4s", "2d"}[size]
	float := []string{"4s", "2d"}[size&1]
	// An opcode of float32 or float64 is one of three with u, and with the upper bit of size.
	key := fmt.Sprintf("%b %b %05b", u, size>>1, opcode)
	three := func(name, shape string) string {
		return fmt.Sprintf("%s v%d.%s, v%d.%s, v%d.%s", name, d, shape, n, shape, m, shape)
	}
	switch {
	case bits(28, 24) == 0b01110 && bits(21, 21) == 1 && bits(10, 10) == 1:
		// Advanced SIMD three same.
		if opcode == 0b00011 {
			return three([]string{"and", "bic", "orr", "orn", "eor", "bsl", "bit", "bif"}[u<<2|size], "16b")
		}
		if name, ok := map[string]string{
			"0 0 11010": "fadd", "0 1 11010": "fsub", "1 0 11010": "faddp", "1 1 11010": "fabd",
			"0 0 11011": "fmulx", "1 0 11011": "fmul", "0 0 11100": "fcmeq", "1 0 11100": "fcmge",
			"1 1 11100": "fcmgt", "0 0 11110": "fmax", "0 1 11110": "fmin", "1 0 11111": "fdiv",
			"0 0 11001": "fmla", "0 1 11001": "fmls", "0 0 11111": "frecps", "0 1 11111": "frsqrts",
		}[key]; ok {
			return three(name, float)
		}
		if name, ok := map[uint32]string{
			0<<5 | 0b01110: "sabd", 1<<5 | 0b01110: "uabd", 0<<5 | 0b01111: "saba", 1<<5 | 0b01111: "uaba",
			0<<5 | 0b00110: "cmgt", 1<<5 | 0b00110: "cmhi", 0<<5 | 0b00111: "cmge", 1<<5 | 0b00111: "cmhs",
			0<<5 | 0b10000: "add", 1<<5 | 0b10000: "sub", 0<<5 | 0b10111: "addp",
		}[u<<5|opcode]; ok {
			return three(name, shape)
		}
	case bits(28, 24) == 0b01110 && bits(21, 17) == 0b10000 && bits(11, 10) == 0b10:
		// Advanced SIMD two-register miscellaneous; the opcode has bit 16 and no bit 11.
		opcode := bits(16, 12)
		if name := map[uint32]string{
			0<<5 | 0b00010: "saddlp", 1<<5 | 0b00010: "uaddlp",
			0<<5 | 0b00110: "sadalp", 1<<5 | 0b00110: "uadalp",
		}[u<<5|opcode]; name != "" && size < 3 {
			to := []string{"8h", "4s", "2d"}[size]
			return fmt.Sprintf("%s v%d.%s, v%d.%s", name, d, to, n, shape)
		}
		switch {
		case size>>1 == 1 && u == 0 && opcode == 0b01110:
			return fmt.Sprintf("fcmlt v%d.%s, v%d.%s, #0.0", d, float, n, float)
		case size>>1 == 1 && u == 1 && opcode == 0b01101:
			return fmt.Sprintf("fcmle v%d.%s, v%d.%s, #0.0", d, float, n, float)
		case size>>1 == 1 && u == 1 && opcode == 0b11111:
			return fmt.Sprintf("fsqrt v%d.%s, v%d.%s", d, float, n, float)
		}
	case bits(28, 24) == 0b01111 && bits(10, 10) == 0 && size == 0b10:
		// Advanced SIMD vector x indexed element, of 32 bits.
		index := bits(11, 11)<<1 | bits(21, 21)
		if name, ok := map[uint32]string{
			0<<4 | 0b1001: "fmul", 1<<4 | 0b1001: "fmulx", 0<<4 | 0b0001: "fmla", 0<<4 | 0b0101: "fmls",
		}[u<<4|bits(15, 12)]; ok {
			return fmt.Sprintf("%s v%d.4s, v%d.4s, v%d.s[%d]", name, d, n, m, index)
		}
	}
	return unknown
}
