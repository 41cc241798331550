package torture

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

// tool runs a program in a folder and returns what it writes.
func tool(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	c := exec.Command(name, args...)
	c.Dir = dir
	out, err := c.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, out, exit.Stderr)
	} else if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestModulesAreWhatTheyWere(t *testing.T) {
	longOnly(t, "reads every module in the cache")
	if out := tool(t, root, "go", "mod", "verify"); out != "all modules verified\n" {
		t.Errorf("%s", out)
	}
	figure("go mod verify", "all modules verified")
}

// fetched is the module, by its path and version or "latest", as it lies in the module cache. Where it cannot be fetched, the test does not run.
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

func TestStaticcheck(t *testing.T) {
	longOnly(t, "takes a minute")
	const version = "v0.8.2"
	fetched(t, "staticcheck", "honnef.co/go/tools@"+version)
	if out := tool(t, root, "go", "run", "honnef.co/go/tools/cmd/staticcheck@"+version, "./..."); out != "" {
		t.Errorf("%s", out)
	}
	figure("staticcheck "+version, "no finding")
}

// The programs call nothing in a module that the Go project's database of vulnerabilities names. The database is that of the day and comes
// as a module, like the programs that prepare and search it. What it names of Go itself is shown: another Go mends it.
func TestVulnerabilities(t *testing.T) {
	longOnly(t, "fetches a database")
	const what, version = "govulncheck", "v1.9.0"
	fetched(t, what, "golang.org/x/vuln@"+version)
	vulndb, day := fetched(t, what, "golang.org/x/vulndb@latest")
	db := t.TempDir()
	tool(t, db, "go", "run", "golang.org/x/vulndb/cmd/indexdb@"+day, "-vulns", filepath.Join(vulndb, "data", "osv"), "-out", db)
	out := tool(t, root, "go", "run", "golang.org/x/vuln/cmd/govulncheck@"+version, "-format", "json", "-db", "file://"+filepath.ToSlash(db), "./...")

	scanned := false
	ofGo := map[string][]string{} // by the version that mends them
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
		case f == nil || f.Trace[0].Function == "": // part of a module, but never called
		case f.Trace[0].Module == "stdlib":
			if !slices.Contains(ofGo[f.Fixed], f.OSV) {
				ofGo[f.Fixed] = append(ofGo[f.Fixed], f.OSV)
			}
		default:
			t.Errorf("%s is in %s %s, mended in %q", f.OSV, f.Trace[0].Module, f.Trace[0].Version, f.Fixed)
		}
	}
	if !scanned {
		t.Fatalf("nothing was scanned:\n%s", out)
	}
	text := "nothing that is called in a module"
	for _, fixed := range slices.Sorted(maps.Keys(ofGo)) {
		text += fmt.Sprintf("; %d in %s itself that Go %s mends", len(ofGo[fixed]), runtime.Version(), strings.TrimPrefix(fixed, "v"))
	}
	figure(what+" "+version, "%s", text)
}

// The generators write the assembly that is here, to the byte.
func TestAssemblyIsGenerated(t *testing.T) {
	longOnly(t, "fetches the generators' module")
	for _, pkg := range []string{"metric", "nn"} {
		dir := t.TempDir()
		if err := os.CopyFS(filepath.Join(dir, "_asm"), os.DirFS(filepath.Join(root, "pkg", pkg, "_asm"))); err != nil {
			t.Fatal(err)
		}
		tool(t, filepath.Join(dir, "_asm"), "go", "run", ".", "-out", "../kernels_amd64.s", "-stubs", "../kernels_stubs_amd64.go", "-pkg", pkg)
		for _, name := range []string{"kernels_amd64.s", "kernels_stubs_amd64.go"} {
			if read(t, dir, name) != read(t, filepath.Join(root, "pkg", pkg), name) {
				t.Errorf("pkg/%s/%s is not what pkg/%s/_asm writes: make asm", pkg, name, pkg)
			}
		}
	}
	figure("assembly", "as generated, to the byte")
}

// licences are those that a dependency may have, and words that tell them; the first that fits counts.
var licences = []struct{ name, words string }{
	{"Apache-2.0", `Apache License,?\s+Version 2\.0`},
	{"MIT", `Permission is hereby granted, free of charge`},
	{"FreeType", `The FreeType License`},
	{"CC-BY-4.0", `Creative Commons Attribution 4\.0 International`},
	{"BSD-3-Clause", `(?s)Redistribution and use in source and binary forms.*(Neither the name|names of (its|the) contributors)`},
	{"BSD-2-Clause", `Redistribution and use in source and binary forms`},
}

// Every module of which a part is compiled into a program has a licence that lets the program be given away.
func TestLicences(t *testing.T) {
	modules := map[string][]string{} // by licence
	list := tool(t, root, "go", "list", "-deps", "-f", "{{with .Module}}{{if .Version}}{{.Path}}\t{{.Version}}\t{{.Dir}}{{end}}{{end}}",
		"./NeuralNetwork/cmd/...", "./NearestNeighboursAndClustering/cmd/...")
	lines := strings.Fields(strings.ReplaceAll(list, "\t", "|"))
	slices.Sort(lines)
	for _, line := range slices.Compact(lines) {
		module := strings.Split(line, "|")
		files, err := filepath.Glob(filepath.Join(module[2], "[Ll][Ii][Cc][Ee][Nn][CcSs][Ee]*"))
		if err != nil || len(files) == 0 {
			t.Errorf("%s has no licence file", module[0])
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
			t.Errorf("%s has a licence that is none of the known ones: %.80q", module[0], text)
		}
		modules[name] = append(modules[name], module[0])
	}
	for _, l := range licences {
		figure("licence "+l.name, "%s", strings.Join(modules[l.name], ", "))
	}
}
