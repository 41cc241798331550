package torture

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A processor for which Go's compiler fuses products and sums, x*y + z, unless the product is
// converted, as in float64(x*y) + z.
type fusing struct{ arch, level string }

var fusings = []fusing{
	{"arm64", ""},
	{"amd64", "GOAMD64=v3"},
	{"s390x", ""},
	{"riscv64", ""},
	{"ppc64le", ""},
	{"loong64", ""},
}

// fused matches an instruction in the compiler's listing that multiplies and adds and rounds once.
var fused = regexp.MustCompile(`(?m)^.*\tV?FN?M(?:ADD|SUB)\w*\t.*$`)

// compileError matches a line with an error that stands in a listing.
var compileError = regexp.MustCompile(`(?m)^\S+\.go:\d+:.*\n`)

// listing compiles packages for a processor and returns the assembly of those that match.
func (f fusing) listing(t *testing.T, dir, match, packages string) string {
	t.Helper()
	c := exec.Command("go", "build", "-gcflags="+match+"=-S", packages)
	c.Dir = dir
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH="+f.arch, f.level)
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%s, %v: %v\n%s", f.arch, c, err, bytes.Join(compileError.FindAll(out, -1), nil))
	}
	return string(out)
}

// TestProductsAreRounded expects no fused instruction in the project's packages: results would
// differ from those of other processors.
func TestProductsAreRounded(t *testing.T) {
	if testing.Short() {
		t.Skip("rounded products: not tested with -short, all packages are compiled for arm64")
	}
	// A product that must be found.
	probe := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module probe\n\ngo 1.26\n",
		"fma.go": "package probe\n\nfunc F(x, y, z float64) float64 { return x*y + z }\n",
	} {
		if err := os.WriteFile(filepath.Join(probe, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range fusings[:scaled(1, len(fusings))] {
		if !fused.MatchString(f.listing(t, probe, "all", ".")) {
			t.Errorf("%s: a fused product was not found", f.arch)
		}
		for _, line := range fused.FindAllString(f.listing(t, root, module+"...", "./..."), -1) {
			t.Errorf("%s: a product is not rounded before it is added; wrap it in a conversion: %s",
				f.arch, strings.TrimSpace(line))
		}
	}
	figure("products rounded", "no fused instruction for %d processors", scaled(1, len(fusings)))
}

// forTests is the folder of a package that only tests import.
const forTests = "pkg/nn/internal/nntest/"

// TestMathIsPortable expects no function of package math whose last bit depends on the processor.
func TestMathIsPortable(t *testing.T) {
	call := regexp.MustCompile(`\bmath\.(A?(Sin|Cos|Tan)h?|Atan2|Sincos|Exp2?|Expm1|FMA|Hypot|Cbrt|` +
		`Log(2|10|1p)?|Pow|L?Gamma|Erf\w*|[JY][01n])\(`)
	for _, name := range sources(t) {
		if filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") ||
			strings.HasPrefix(name, forTests) {
			continue
		}
		if found := call.FindString(read(t, root, filepath.FromSlash(name))); found != "" {
			t.Errorf("%s calls %s…), which is computed differently on different processors", name, found)
		}
	}
}
