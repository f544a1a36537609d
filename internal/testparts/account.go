package testparts

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// An account is whom a part runs as. The zero value is whoever runs the tests.
type account struct {
	credential *syscall.Credential
}

// unprivileged returns the account to run PostgreSQL as, which refuses root,
// and makes it the owner of dir. Who is not root stays who they are.
func unprivileged(dir string) (account, error) {
	if os.Geteuid() != 0 {
		return account{}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		return hand(dir, u)
	}
	return account{}, missing("an account other than root to run PostgreSQL as", "apt-get install postgresql")
}

func hand(dir string, to *user.User) (account, error) {
	uid, err := strconv.ParseUint(to.Uid, 10, 32)
	if err != nil {
		return account{}, fmt.Errorf("user id of %s: %w", to.Username, err)
	}
	gid, err := strconv.ParseUint(to.Gid, 10, 32)
	if err != nil {
		return account{}, fmt.Errorf("group id of %s: %w", to.Username, err)
	}
	if err := os.Chown(dir, int(uid), int(gid)); err != nil {
		return account{}, err
	}
	return account{&syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
}

// attributes are those of one command: they must not be shared between two.
func (a account) attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: a.credential}
}
