package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/ostiary/ostiary"
)

// app is the upstream's id in the gateway's configuration. The gateway puts
// it and a separator in front of the tool's name.
const (
	app         = "bench"
	tool        = "result"
	gatewayTool = app + "__" + tool
	subject     = "bench"
)

// buildGateway builds the real binary, as it is shipped.
func buildGateway(ctx context.Context, dir string) (string, error) {
	path := filepath.Join(dir, "ostiary")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", path, "github.com/ostiary/ostiary/cmd/ostiary")
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build ostiary: %w\n%s", err, out)
	}
	return path, nil
}

// startGateway starts a gateway on SQLite with a personal access token that
// may call everything, which is what the driver presents.
func startGateway(ctx context.Context, dir, binary, durability, upstream string, rules int) (target, error) {
	dir = filepath.Join(dir, durability)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return target{}, fmt.Errorf("make the gateway's folder: %w", err)
	}
	file := filepath.Join(dir, "ostiary.yaml")
	password := ostiary.Secret(rand.Text())
	if err := writeConfig(file, settings{dir, durability, upstream, rules, password}); err != nil {
		return target{}, err
	}
	token, err := createToken(ctx, binary, file)
	if err != nil {
		return target{}, err
	}
	p, err := start(ctx, dir, "ostiary", binary, "serve", "-c", file)
	if err != nil {
		return target{}, err
	}
	return target{url: p.url + "/mcp", tool: gatewayTool, token: token, process: p, password: password}, nil
}

// settings are what differs between gateways.
type settings struct {
	dir, durability, upstream string
	rules                     int
	password                  ostiary.Secret
}

func writeConfig(file string, s settings) error {
	listen, err := freeAddress()
	if err != nil {
		return err
	}
	// JSON is YAML.
	text, err := json.MarshalIndent(gatewayConfig(listen, s), "", "  ")
	if err != nil {
		return fmt.Errorf("render the gateway's configuration: %w", err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return fmt.Errorf("write the gateway's configuration: %w", err)
	}
	return nil
}

type object = map[string]any

// gatewayConfig lets the lists be read once and no more, so that whatever
// else reaches the upstream is on account of a call. All agents come from one
// address.
func gatewayConfig(listen string, s settings) object {
	return object{
		"server": object{
			"listen": listen, "public_url": "http://" + listen, "admin_listen": "",
			"limits": object{"token": "0"},
		},
		"storage": object{
			"url":      "sqlite:" + filepath.Join(s.dir, "ostiary.db"),
			"key_file": filepath.Join(s.dir, "ostiary.key"),
		},
		"auth": object{"mode": "local", "users": []object{{
			"id": subject, "email": "bench@example.com", "password": s.password.Reveal(),
			"claims": object{"tenant": "acme", "sites": []string{"site-A"}, "roles": []string{"caller"}},
		}}},
		"apps":    []object{{"id": app, "name": "Bench", "url": s.upstream + "/mcp", "refresh": "1h"}},
		"tools":   toolRules(s.rules),
		"audit":   object{"durability": s.durability},
		"logging": object{"level": "warn"},
	}
}

// toolRules makes so many entries, the last for the tool that is called. It
// asks for a role, so that the gate has something to look up.
func toolRules(n int) []object {
	rules := make([]object, 0, n)
	for i := range n - 1 {
		rules = append(rules, object{
			"match":         fmt.Sprintf("%s:other_%05d", app, i),
			"category":      "write",
			"authorization": object{"required_roles": []string{"manager"}, "mode": "all"},
		})
	}
	return append(rules, object{
		"match":         app + ":" + tool,
		"category":      "read",
		"authorization": object{"required_roles": []string{"caller"}, "mode": "all"},
	})
}

func createToken(ctx context.Context, binary, file string) (ostiary.Secret, error) {
	cmd := exec.CommandContext(ctx, binary, "tokens", "create", "-c", file, "--json",
		"--subject", subject, "--name", "bench", "--tier", "write",
		"--apps", "all", "--tools", "all", "--sites", "all")
	out, err := cmd.Output()
	if failed := (*exec.ExitError)(nil); errors.As(err, &failed) {
		return "", fmt.Errorf("create a token: %w\n%s", err, failed.Stderr)
	}
	if err != nil {
		return "", fmt.Errorf("create a token: %w", err)
	}
	var created struct {
		Token string `json:"token"`
	}
	if err := json.Unmarshal(out, &created); err != nil {
		return "", fmt.Errorf("read the token: %w", err)
	}
	if created.Token == "" {
		return "", errors.New("read the token: ostiary printed none")
	}
	return ostiary.Secret(created.Token), nil
}

// freeAddress finds a port that nobody listens on. The gateway's public URL
// stands in its configuration, so it can't pick a port by itself.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}
