package torture

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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

// longOnly skips a test in the short form.
func longOnly(t *testing.T, why string) {
	t.Helper()
	if !*long {
		t.Skip("only in make torture: " + why)
	}
}

func TestModulesAreWhatTheyWere(t *testing.T) {
	longOnly(t, "reads every module in the cache")
	if out := tool(t, root, "go", "mod", "verify"); out != "all modules verified\n" {
		t.Errorf("%s", out)
	}
	figure("go mod verify", "all modules verified")
}

func TestStaticcheck(t *testing.T) {
	longOnly(t, "takes a minute")
	if _, err := exec.LookPath("staticcheck"); err != nil {
		t.Skip("staticcheck is not installed: go install honnef.co/go/tools/cmd/staticcheck@latest")
	}
	if out := tool(t, root, "staticcheck", "./..."); out != "" {
		t.Errorf("%s", out)
	}
	figure("staticcheck", "no finding")
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
