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

func (p *program) line() (ostiary.Secret, error) {
	line, err := bufio.NewReader(io.LimitReader(p.stdin, 4096)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the password: %w", err)
	}
	return checkedPassword(strings.TrimRight(line, "\r\n"))
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

// minPassword is the least length that NIST SP 800-63B section 3.1.1.2 lets
// a person choose.
const minPassword = 8

func checkedPassword(text string) (ostiary.Secret, error) {
	if len(text) < minPassword {
		return "", usage(fmt.Errorf("a password has at least %d characters", minPassword))
	}
	return ostiary.Secret(text), nil
}

// confirm asks a question; everything but "yes" means no.
func (p *program) confirm(question string) bool {
	fmt.Fprint(p.stderr, question+" Type yes: ")
	line, _ := bufio.NewReader(p.stdin).ReadString('\n')
	return strings.TrimSpace(line) == "yes"
}
