package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
)

// newPassword asks for a password twice at a terminal, without echo, or reads
// one line where input is no terminal.
func (p *program) newPassword(none bool) (ostiary.Secret, error) {
	if none {
		return "", nil
	}
	f, ok := p.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return p.line()
	}
	first, err := p.silently(f, "Password: ")
	if err != nil {
		return "", err
	}
	second, err := p.silently(f, "Again: ")
	if err != nil {
		return "", err
	}
	if first != second {
		return "", usage(errors.New("the two passwords differ"))
	}
	return checkedPassword(first)
}

// longestPassword is in bytes. What is longer is no password but a file that
// was given by mistake.
const longestPassword = 4096

func (p *program) line() (ostiary.Secret, error) {
	line, err := bufio.NewReader(io.LimitReader(p.stdin, longestPassword+2)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the password: %w", err)
	}
	text := strings.TrimRight(line, "\r\n")
	if len(text) > longestPassword {
		return "", usage(fmt.Errorf("a password has at most %d bytes", longestPassword))
	}
	return checkedPassword(text)
}

func (p *program) silently(f *os.File, prompt string) (string, error) {
	fmt.Fprint(p.stderr, prompt)
	defer fmt.Fprintln(p.stderr)
	text, err := term.ReadPassword(int(f.Fd()))
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	return string(text), nil
}

func checkedPassword(text string) (ostiary.Secret, error) {
	password := ostiary.Secret(text)
	return password, identity.CheckPassword(password)
}

// confirm asks a question; everything but "yes" means no.
func (p *program) confirm(question string) bool {
	fmt.Fprint(p.stderr, question+" Type yes: ")
	line, _ := bufio.NewReader(p.stdin).ReadString('\n')
	return strings.TrimSpace(line) == "yes"
}
