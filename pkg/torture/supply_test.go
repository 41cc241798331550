package torture

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

// tool runs a program in a folder and returns its standard output. It ends the test if the
// program fails.
func tool(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	return toolReading(t, "", dir, name, args...)
}

// toolReading is tool for a program that reads its standard input.
func toolReading(t *testing.T, input, dir, name string, args ...string) string {
	t.Helper()
	c := exec.Command(name, args...)
	c.Dir, c.Stdin = dir, strings.NewReader(input)
	out, err := c.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, out, exit.Stderr)
	} else if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestModulesAreWhatTheyWere compares the modules in the cache with go.sum.
func TestModulesAreWhatTheyWere(t *testing.T) {
	longOnly(t, "reads every module in the cache")
	if out := tool(t, root, "go", "mod", "verify"); out != "all modules verified\n" {
		t.Errorf("%s", out)
	}
	figure("go mod verify", "all modules verified")
}

// fetched returns the folder of a module in the module cache, and its version. The module is
// given as path@version, the version may be "latest". The test is skipped if the module cannot be
// fetched.
func fetched(t *testing.T, what, module string) (dir, version string) {
	t.Helper()
	c := exec.Command("go", "mod", "download", "-json", module)
	c.Dir = t.TempDir() // in no module
	out, err := c.Output()
	var m struct{ Dir, Version, Error string }
	if e := json.Unmarshal(out, &m); err != nil || e != nil {
		notRun(t, what, module+" cannot be fetched: "+m.Error)
	}
	return m.Dir, m.Version
}

// TestStaticcheck expects no finding of staticcheck in any package, with and without the engine for
// graphics processors. Something is unused if neither uses it.
func TestStaticcheck(t *testing.T) {
	longOnly(t, "takes a minute")
	const version = "v0.8.2"
	fetched(t, "staticcheck", "honnef.co/go/tools@"+version)
	const program = "honnef.co/go/tools/cmd/staticcheck@" + version
	const builds = "static:\ngpu: -tags=gpu\n"
	if out := toolReading(t, builds, root, "go", "run", program, "-matrix", "./..."); out != "" {
		t.Errorf("%s", out)
	}
	figure("staticcheck "+version, "no finding")
}

// TestVulnerabilities expects that the programs call nothing vulnerable in a module. It asks the
// Go project's database of this day, which comes as a module like the programs that prepare and
// search it. Vulnerabilities of Go itself are only shown: a newer Go mends them.
func TestVulnerabilities(t *testing.T) {
	longOnly(t, "fetches a database")
	const what, version = "govulncheck", "v1.9.0"
	fetched(t, what, "golang.org/x/vuln@"+version)
	vulndb, day := fetched(t, what, "golang.org/x/vulndb@latest")
	db := t.TempDir()
	tool(t, db, "go", "run", "golang.org/x/vulndb/cmd/indexdb@"+day,
		"-vulns", filepath.Join(vulndb, "data", "osv"), "-out", db)
	out := tool(t, root, "go", "run", "golang.org/x/vuln/cmd/govulncheck@"+version,
		"-format", "json", "-db", "file://"+filepath.ToSlash(db), "./...")

	scanned := false
	ofGo := map[string][]string{} // vulnerabilities of Go, by the version that mends them
	for messages := json.NewDecoder(strings.NewReader(out)); ; {
		var m struct {
			SBOM    *struct{}
			Finding *struct {
				OSV   string
				Fixed string `json:"fixed_version"`
				Trace []struct{ Module, Version, Function string }
			}
		}
		if err := messages.Decode(&m); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		scanned = scanned || m.SBOM != nil
		f := m.Finding
		switch {
		case f == nil || f.Trace[0].Function == "": // in a module, but not called
		case f.Trace[0].Module == "stdlib":
			if !slices.Contains(ofGo[f.Fixed], f.OSV) {
				ofGo[f.Fixed] = append(ofGo[f.Fixed], f.OSV)
			}
		default:
			in := f.Trace[0]
			t.Errorf("%s is in %s %s, mended in %q", f.OSV, in.Module, in.Version, f.Fixed)
		}
	}
	if !scanned {
		t.Fatalf("nothing was scanned:\n%s", out)
	}
	text := "nothing that is called in a module"
	for _, fixed := range slices.Sorted(maps.Keys(ofGo)) {
		text += fmt.Sprintf("; %d in %s itself that Go %s mends", len(ofGo[fixed]), runtime.Version(),
			strings.TrimPrefix(fixed, "v"))
	}
	figure(what+" "+version, "%s", text)
}

// TestAssemblyIsGenerated runs the generator of every folder _asm and compares its files with
// those in the package.
func TestAssemblyIsGenerated(t *testing.T) {
	longOnly(t, "fetches the generators' module")
	generators := generators(t)
	for _, generator := range generators {
		pkg := filepath.Dir(generator)
		dir := t.TempDir()
		if err := os.CopyFS(filepath.Join(dir, "_asm"), os.DirFS(generator)); err != nil {
			t.Fatal(err)
		}
		const assembly, stubs = "kernels_amd64.s", "kernels_stubs_amd64.go"
		tool(t, filepath.Join(dir, "_asm"), "go", "run", ".",
			"-out", "../"+assembly, "-stubs", "../"+stubs, "-pkg", filepath.Base(pkg))
		for _, name := range []string{assembly, stubs} {
			if read(t, dir, name) != read(t, pkg, name) {
				t.Errorf("%s is not what %s writes; make asm", filepath.Join(pkg, name), generator)
			}
		}
	}
	if len(generators) == 0 {
		t.Error("found no generator")
	}
	figure("assembly", "as %d generators write it, to the byte", len(generators))
}

// generators returns the folders named _asm.
func generators(t *testing.T) (folders []string) {
	t.Helper()
	walk := func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() && e.Name() == "_asm" {
			folders = append(folders, path)
		}
		return err
	}
	if err := filepath.WalkDir(filepath.Join(root, "pkg"), walk); err != nil {
		t.Fatal(err)
	}
	return folders
}

// licences are the licences that a dependency may have, each with words by which a text is known.
// The first that matches counts.
var licences = []struct{ name, words string }{
	{"Apache-2.0", `Apache License,?\s+Version 2\.0`},
	{"MIT", `Permission is hereby granted, free of charge`},
	{"FreeType", `The FreeType License`},
	{"CC-BY-4.0", `Creative Commons Attribution 4\.0 International`},
	{"BSD-3-Clause", `(?s)Redistribution and use in source and binary forms.*` +
		`(Neither the name|names of (its|the) contributors)`},
	{"BSD-2-Clause", `Redistribution and use in source and binary forms`},
}

// TestLicences expects a licence that lets the programs be given away in every module of which a
// part is compiled into them.
func TestLicences(t *testing.T) {
	modules := map[string][]string{} // by licence
	const format = "{{with .Module}}{{if .Version}}{{.Path}}|{{.Dir}}{{end}}{{end}}"
	lines := strings.Fields(tool(t, root, "go", "list", "-deps", "-f", format,
		"./NeuralNetwork/cmd/...", "./NearestNeighboursAndClustering/cmd/..."))
	slices.Sort(lines)
	for _, line := range slices.Compact(lines) {
		module, dir, _ := strings.Cut(line, "|")
		files, err := filepath.Glob(filepath.Join(dir, "[Ll][Ii][Cc][Ee][Nn][CcSs][Ee]*"))
		if err != nil || len(files) == 0 {
			t.Errorf("%s has no licence file", module)
			continue
		}
		text := read(t, filepath.Dir(files[0]), filepath.Base(files[0]))
		name := ""
		for _, l := range licences {
			if name == "" && regexp.MustCompile(l.words).MatchString(text) {
				name = l.name
			}
		}
		if name == "" {
			t.Errorf("%s has a licence that is none of the known ones: %.80q", module, text)
		}
		modules[name] = append(modules[name], module)
	}
	for _, l := range licences {
		figure("licence "+l.name, "%s", strings.Join(modules[l.name], ", "))
	}
}
