package torture

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "imagesimilarity/"

// imports returns what each package of the project imports, by its path without the module's. The
// imports of its tests are listed only if tests is true.
func imports(t *testing.T, tests bool) map[string][]string {
	t.Helper()
	format := `{{.ImportPath}} {{join .Imports " "}}`
	if tests {
		format += ` {{join .TestImports " "}} {{join .XTestImports " "}}`
	}
	found := map[string][]string{}
	for line := range strings.Lines(tool(t, root, "go", "list", "-f", format, "./...")) {
		words := strings.Fields(line)
		found[strings.TrimPrefix(words[0], module)] = words[1:]
	}
	return found
}

// TestOnePackageKnowsGorgonia expects that exactly one package imports Gorgonia and its tensors.
func TestOnePackageKnowsGorgonia(t *testing.T) {
	var found []string
	for pkg, list := range imports(t, true) {
		if strings.Contains(strings.Join(list, " "), "gorgonia.org/") {
			found = append(found, pkg)
		}
	}
	if len(found) != 1 {
		slices.Sort(found)
		t.Errorf("%q import gorgonia.org/…, expected one package", found)
	}
}

// TestImportsPointDown reads the table of rows in pkg/README.md. A package imports only packages of
// lower rows, and those that belong to the same entry.
func TestImportsPointDown(t *testing.T) {
	rows := map[string]int{} // by entry, as a path below the module's; the top row is 0
	table := regexp.MustCompile(`(?m)^\| [^|]+ \| ((?:\x60[^\x60]+\x60 ?)+)\|$`)
	for i, m := range table.FindAllStringSubmatch(read(t, root, "pkg/README.md"), -1) {
		for _, entry := range strings.Fields(strings.ReplaceAll(m[1], "`", "")) {
			if _, err := os.Stat(filepath.Join(root, entry)); err != nil {
				entry = "pkg/" + entry
			}
			if _, err := os.Stat(filepath.Join(root, entry)); err != nil {
				t.Errorf("pkg/README.md has %s in its table: %v", entry, err)
			}
			rows[entry] = i
		}
	}
	// entryOf returns the longest entry that is pkg or a folder above it.
	entryOf := func(pkg string) (found string) {
		for entry := range rows {
			if strings.HasPrefix(pkg+"/", entry+"/") && len(entry) > len(found) {
				found = entry
			}
		}
		return found
	}
	for pkg, list := range imports(t, false) {
		entry := entryOf(pkg)
		if entry == "" {
			t.Errorf("%s is in no row of the table in pkg/README.md", pkg)
			continue
		}
		for _, p := range list {
			p, ours := strings.CutPrefix(p, module)
			if other := entryOf(p); ours && other != entry && rows[other] <= rows[entry] {
				t.Errorf("%s imports %s, which is in no lower row of pkg/README.md", pkg, p)
			}
		}
	}
}
