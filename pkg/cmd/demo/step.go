package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// A step is one program with its arguments and what a person would type at its questions.
type step struct {
	title   string
	program string // path from the top folder
	args    []string
	answers []string

	output bytes.Buffer // what the program showed
}

// run runs the program in the folder dir. What it shows goes to the screen together with the answers, each typed when
// a question stands at the end of the output.
func (s *step) run(dir string) error {
	program, err := filepath.Abs(s.program)
	if err != nil {
		return err
	}
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	fmt.Printf("%s$ ../%s %s\n", dir, s.program, strings.Join(s.args, " "))
	cmd := exec.Command(program, s.args...)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	answers := s.answers
	buf := make([]byte, 1<<16)
	for {
		n, err := stdout.Read(buf)
		s.output.Write(buf[:n])
		os.Stdout.Write(buf[:n])
		if q := bytes.TrimRight(buf[:n], " "); len(q) < n && (bytes.HasSuffix(q, []byte(":")) || bytes.HasSuffix(q, []byte("?"))) && len(answers) > 0 {
			fmt.Println(answers[0])
			// A program that has ended meanwhile is reported by Wait.
			io.WriteString(stdin, answers[0]+"\n")
			answers = answers[1:]
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	stdin.Close()
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("%s: %w", s.program, err)
	}
	fmt.Println()
	return nil
}
