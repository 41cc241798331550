package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// A vec is a vector register of 16 bytes, a reg a general one of 8.
type (
	vec int
	reg int
)

func (v vec) String() string { return fmt.Sprintf("V%d", int(v)) }

// The names of a vector register with lanes of 8, 16, 32 and 64 bits, and as a whole.
func (v vec) b16() string  { return fmt.Sprintf("V%d.B16", int(v)) }
func (v vec) h8() string   { return fmt.Sprintf("V%d.H8", int(v)) }
func (v vec) s4() string   { return fmt.Sprintf("V%d.S4", int(v)) }
func (v vec) d2() string   { return fmt.Sprintf("V%d.D2", int(v)) }
func (v vec) full() string { return fmt.Sprintf("F%d", int(v)) }

func (r reg) String() string { return fmt.Sprintf("R%d", int(r)) }

// An asm is a file of assembly and the Go declarations of its functions.
type asm struct {
	text, stubs bytes.Buffer

	// Of the function that is being written:
	vecs   []vec // free registers
	regs   []reg
	params map[string]param
	labels int
}

// A param is a place in the frame of a function's caller, with the name that go vet expects.
type param struct {
	name   string
	offset int
}

func (p param) String() string { return fmt.Sprintf("%s+%d(FP)", p.name, p.offset) }

// generals are the registers that Go leaves to assembly. R16 and R17 belong to the linker, R18 to
// the operating system, and R26 to R30 to Go.
var generals = []reg{
	0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 19, 20, 21, 22, 23, 24, 25,
}

// sizes are the bytes of the types that parameters have.
var sizes = map[string]int{
	"int": 8, "int64": 8, "uint32": 4, "float32": 4, "[]float32": 24,
	"*int": 8, "*uint8": 8, "*uint16": 8, "*uint32": 8, "*float32": 8,
}

// function begins a function with the parameters and at most one result, which lie in memory as in
// Go's ABI0. Its frame has room bytes. The first word of doc is the function's name.
func (a *asm) function(name, parameters, result string, room int, doc ...string) {
	a.vecs, a.regs, a.params, a.labels = nil, slices.Clone(generals), map[string]param{}, 0
	for v := range vec(32) {
		a.vecs = append(a.vecs, v)
	}
	size := a.place(parameters)
	if result != "" {
		size = align(size, 8)
		a.params["ret"] = param{"ret", size}
		size += sizes[result]
	}
	flags := "NOSPLIT"
	if room > 0 {
		flags = "0"
	}
	signature := strings.TrimSpace(fmt.Sprintf("func %s(%s) %s", name, parameters, result))
	fmt.Fprintf(&a.text, "\n// %s\nTEXT ·%s(SB), %s, $%d-%d\n", signature, name, flags, room, size)
	fmt.Fprintf(&a.stubs, "\n// %s\n//\n//go:noescape\n%s\n", strings.Join(doc, "\n// "), signature)
}

// place sets the places of the parameters and returns their size.
func (a *asm) place(parameters string) (size int) {
	fields := strings.Split(parameters, ", ")
	types := make([]string, len(fields))
	for i, f := range slices.Backward(fields) {
		_, typ, ok := strings.Cut(f, " ")
		if !ok { // as the next one
			typ = types[i+1]
		}
		types[i] = typ
	}
	for i, f := range fields {
		name, _, _ := strings.Cut(f, " ")
		n := sizes[types[i]]
		if n == 0 {
			panic("a parameter of unknown type " + types[i])
		}
		size = align(size, min(n, 8))
		if n == 24 {
			a.params[name] = param{name + "_base", size}
			a.params["len "+name] = param{name + "_len", size + 8}
		} else {
			a.params[name] = param{name, size}
		}
		size += n
	}
	return size
}

func align(n, to int) int { return (n + to - 1) / to * to }

// vec returns a free vector register.
func (a *asm) vec() vec {
	v := a.vecs[0]
	a.vecs = a.vecs[1:]
	return v
}

func (a *asm) vectors(n int) []vec {
	v := make([]vec, n)
	for i := range v {
		v[i] = a.vec()
	}
	return v
}

// reg returns a free general register.
func (a *asm) reg() reg {
	r := a.regs[0]
	a.regs = a.regs[1:]
	return r
}

func (a *asm) registers(n int) []reg {
	r := make([]reg, n)
	for i := range r {
		r[i] = a.reg()
	}
	return r
}

func (a *asm) free(rs ...reg) { a.regs = append(a.regs, rs...) }

// scope frees the registers that do takes, once it has been written.
func (a *asm) scope(do func()) {
	vecs, regs := slices.Clone(a.vecs), slices.Clone(a.regs)
	do()
	a.vecs, a.regs = vecs, regs
}

// param returns the place of a parameter; of a slice that is the pointer to its first value.
func (a *asm) param(name string) param {
	p, ok := a.params[name]
	if !ok {
		panic("no parameter " + name)
	}
	return p
}

// load reads a parameter of 8 bytes into a new register.
func (a *asm) load(name string) reg {
	r := a.reg()
	a.loadTo(name, r)
	return r
}

func (a *asm) loadTo(name string, r reg) { a.ins("MOVD", "%v, %v", a.param(name), r) }

// length reads the number of a slice's values into a new register.
func (a *asm) length(slice string) reg { return a.load("len " + slice) }

// broadcast fills a new vector register with a parameter of 4 bytes.
func (a *asm) broadcast(name string) vec {
	v := a.vec()
	a.ins("FMOVS", "%v, %s", a.param(name), v.full())
	a.ins("VDUP", "%v.S[0], %s", v, v.s4())
	return v
}

// ins writes an instruction that Go's assembler knows. Operands are in Go's order.
func (a *asm) ins(op, format string, args ...any) {
	fmt.Fprintf(&a.text, "\t%s\t%s\n", op, fmt.Sprintf(format, args...))
}

// ret writes the end of a function.
func (a *asm) ret() { fmt.Fprint(&a.text, "\tRET\n") }

// label returns a label that the function does not have yet.
func (a *asm) label(name string) string {
	a.labels++
	return fmt.Sprintf("%s%d", name, a.labels)
}

// at writes a label.
func (a *asm) at(label string) { fmt.Fprintf(&a.text, "%s:\n", label) }

// The names of the files that a package gets.
const (
	assemblyFile = "kernels_arm64.s"
	stubsFile    = "kernels_stubs_arm64.go"
)

// files returns the content of both files of a package, by name.
func (a *asm) files(pkg string) map[string]string {
	head := "// Code generated by command: go run imagesimilarity/pkg/cmd/neon " + pkg +
		". DO NOT EDIT.\n\n//go:build !purego\n\n"
	return map[string]string{
		assemblyFile: head + "#include \"textflag.h\"\n" + a.text.String(),
		stubsFile:    head + "package " + pkg + "\n" + a.stubs.String(),
	}
}
