// Package step runs one of the programs as a person would at the keyboard.
package step

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
	"syscall"

	"imagesimilarity/pkg/program"
)

// A Step is one program with its arguments and what a person would type at its questions.
type Step struct {
	Title   string
	Program string // path from the top folder
	Args    []string
	Answers []string
}

// Run runs the program in the folder dir, from the top folder. It shows the output of the program
// on the screen together with the answers. It types an answer when a question stands at the end of
// the output. A signal that ends this process ends the program first.
func (s *Step) Run(dir string, screen io.Writer) error {
	path, err := filepath.Abs(s.Program)
	if err != nil {
		return err
	}
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	shown, err := filepath.Rel(dir, s.Program)
	if err != nil {
		return err
	}
	fmt.Fprintf(screen, "%s$ %s %s\n", dir, filepath.ToSlash(shown), strings.Join(s.Args, " "))
	cmd := exec.Command(path, s.Args...)
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
	ended := make(chan struct{})
	defer close(ended)
	running := program.Begin(func() (told string, err error) {
		if cmd.Process.Signal(syscall.SIGTERM) != nil {
			cmd.Process.Kill()
		}
		<-ended
		return "", nil
	})
	running.Rest()
	defer running.Forget()
	answers := s.Answers
	buf := make([]byte, 1<<16)
	for {
		n, err := stdout.Read(buf)
		screen.Write(buf[:n])
		if asks(buf[:n]) && len(answers) > 0 {
			fmt.Fprintln(screen, answers[0])
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
		return fmt.Errorf("%s: %w", s.Program, err)
	}
	fmt.Fprintln(screen)
	return nil
}

// asks reports whether the output ends with a question: a colon or a question mark and blanks.
func asks(output []byte) bool {
	q := bytes.TrimRight(output, " ")
	return len(q) < len(output) && (bytes.HasSuffix(q, []byte(":")) || bytes.HasSuffix(q, []byte("?")))
}
