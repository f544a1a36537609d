package identity

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/store"
)

// A User is a person of the local directory.
type User struct {
	ID           ostiary.Subject `json:"id"`
	Email        string          `json:"email,omitempty"`
	PasswordHash string          `json:"password_hash,omitempty"` // argon2id, PHC form; "" can't sign in
	Admin        bool            `json:"admin"`                   // operator
	Disabled     bool            `json:"disabled"`
	Claims       Claims          `json:"claims,omitempty"`
	Created      time.Time       `json:"created_at,omitzero"`
	// Generation counts what signs the person out everywhere: another
	// password, being disabled. Browser sessions and operator tokens are good
	// only in the generation they were made in.
	Generation uint64 `json:"generation,omitempty"`
	// Provider is who vouches for the person; "": they are ours. Its people
	// have no password here, and their claims are those of the last time.
	Provider string `json:"provider,omitempty"`
	// Issued is when the token was issued whose claims these are; zero where
	// there is none, or it doesn't say.
	Issued time.Time `json:"issued_at,omitzero"`
	// RevokedAt is when everything of a provider's person was last revoked.
	RevokedAt time.Time `json:"revoked_at,omitzero"`
	// Configured: from the configuration file, where alone it can be changed.
	Configured bool `json:"-"`
	// Machine: no person but a machine client of the configuration file, under
	// its client id. It can't sign in, and only its own session is its.
	Machine bool `json:"-"`
	// Scopes are all that a machine client may hold.
	Scopes []string `json:"-"`
}

// Row implements store.Rower.
func (u User) Row() store.Row {
	return store.Row{Owner: u.ID, Index: []store.Index{{Name: "all", Value: "all"}}}
}

// Errors of the directory. All are returned wrapped.
var (
	ErrUserNotFound   = errors.New("no such user")
	ErrUserExists     = errors.New("there is a user of this id already")
	ErrUserConfigured = errors.New("this user stands in the configuration file; change it there")
	ErrUserEmail      = errors.New("a user's email must be at most 254 bytes of printable text")
	ErrUserID         = errors.New(`a user's id must be 1 to 128 bytes of printable text without "|", without spaces around it, and not "command-line"`)
	ErrUserProvider   = errors.New("a provider's person has no password here")
	ErrSignIn         = errors.New("name or password is wrong")
)

// A SessionEnder ends what lives with an authorization session: its
// approvals. *approval.Service is one.
type SessionEnder interface {
	EndSession(ctx context.Context, tx *store.Tx, id ostiary.SessionID) error
}

// A Recorder adds audit entries to a commit.
type Recorder interface {
	Append(tx *store.Tx, e audit.Entry)
}

// Users is the directory: people from the configuration and from storage. A
// configured person hides a stored one of the same id, and a person of either
// kind a machine client. It is safe for concurrent use.
type Users struct {
	db         *store.DB
	epochs     *store.Epochs
	log        Recorder
	table      store.Table[User]
	departed   store.Table[departed]
	links      store.Table[Link]
	configured map[ostiary.Subject]User
	order      []ostiary.Subject
	paths      ClaimPaths
	passwords  checker
}

// NewUsers returns the directory over db.
func NewUsers(db *store.DB, epochs *store.Epochs, log Recorder, configured []User, paths ClaimPaths) *Users {
	u := &Users{
		db: db, epochs: epochs, log: log, table: store.NewTable[User](db, "user"), departed: store.NewTable[departed](db, "departed"),
		links:      store.NewTable[Link](db, "link"),
		configured: map[ostiary.Subject]User{}, paths: paths, passwords: newChecker(),
	}
	for _, c := range configured {
		c.Configured = true
		u.configured[c.ID] = c
		u.order = append(u.order, c.ID)
	}
	return u
}

// Get returns one user. Ids are compared byte for byte.
func (u *Users) Get(ctx context.Context, id ostiary.Subject) (User, error) {
	user, _, err := u.get(ctx, id)
	return user, err
}

// get returns the person of the file, else that of storage, else the machine
// client: what a person has must never be a machine's, so where an instance with
// another file has added a person of its id, there is no machine any more.
func (u *Users) get(ctx context.Context, id ostiary.Subject) (User, store.Version, error) {
	c, configured := u.configured[id]
	if configured && !c.Machine {
		return c, 0, nil
	}
	user, version, err := u.table.Get(ctx, string(id))
	if !errors.Is(err, store.ErrNotFound) {
		return user, version, err
	}
	if configured {
		return c, 0, nil
	}
	return User{}, 0, fmt.Errorf("%w: %q", ErrUserNotFound, id)
}

// hides says whether a person of the file stands before one of storage.
func (u *Users) hides(id ostiary.Subject) bool {
	c, ok := u.configured[id]
	return ok && !c.Machine
}

// List returns all people, configured ones first.
func (u *Users) List(ctx context.Context) ([]User, error) {
	all := u.fromFile()
	items, err := u.table.All(ctx, store.Index{Name: "all", Value: "all"})
	if err != nil {
		return nil, err
	}
	for _, it := range items {
		if !u.hides(it.Value.ID) {
			all = append(all, it.Value)
		}
	}
	return all, nil
}

// Tenant is the tenant that the user's claims name.
func (u *Users) Tenant(user User) ostiary.Tenant { return u.paths.read(user.Claims).tenant }

// Sites are the sites that the user's claims name.
func (u *Users) Sites(user User) []ostiary.Site { return u.paths.read(user.Claims).sites }

// Roles are the roles that the user's claims name.
func (u *Users) Roles(user User) []string { return u.paths.read(user.Claims).roles }

// Authenticate checks a password. Unknown, disabled and passwordless users
// and wrong passwords all give ErrSignIn, in the same time.
func (u *Users) Authenticate(ctx context.Context, id ostiary.Subject, password ostiary.Secret) (User, error) {
	user, err := u.Get(ctx, id)
	if err != nil && !errors.Is(err, ErrUserNotFound) {
		return User{}, err
	}
	ok, err := u.passwords.check(ctx, user.PasswordHash, password)
	if err != nil {
		return User{}, fmt.Errorf("check a password: %w", err)
	}
	if !ok || user.Disabled || user.Machine || user.Provider != "" {
		return User{}, ErrSignIn
	}
	return user, nil
}

// Create adds a user. user.PasswordHash must be empty or well-formed. A
// provider's person who was deleted can be added again.
func (u *Users) Create(ctx context.Context, user User, by audit.Actor) error {
	foreign := strings.Contains(string(user.ID), "|")
	if foreign && user.PasswordHash != "" {
		return ErrUserProvider
	}
	if err := CheckUserID(user.ID); err != nil && !foreign {
		return err
	}
	if err := checkHash(user.PasswordHash); err != nil {
		return err
	}
	if err := CheckEmail(user.Email); err != nil {
		return err
	}
	if err := u.paths.Check(user.Claims); err != nil {
		return err
	}
	user.Created = u.db.Clock().Now()
	return u.db.Change(ctx, "add user "+string(user.ID), func(tx *store.Tx) error {
		there, err := u.Get(ctx, user.ID)
		if err == nil && there.Machine {
			return fmt.Errorf("%w: %q is a machine client of the configuration file", ErrUserExists, user.ID)
		}
		if err == nil {
			return fmt.Errorf("%w: %q", ErrUserExists, user.ID)
		}
		if !errors.Is(err, ErrUserNotFound) {
			return err
		}
		if foreign {
			if err := u.readmit(ctx, tx, &user); err != nil {
				return err
			}
		}
		// A new user must not inherit what is remembered of a deleted one.
		u.epochs.Bump(tx, store.EpochIDs{Subject: user.ID})
		u.record(tx, "created", user.ID, by)
		return u.table.Create(ctx, tx, string(user.ID), user)
	})
}

// CommandLine is who the audit log names for commands that work on storage:
// whoever can read the keyset. No person may have it as their id.
const CommandLine ostiary.Subject = "command-line"

// CheckUserID says what is wrong with a person's id: for those of storage and
// of the configuration file alike. It must return an error wrapping ErrUserID
// unless the id is good.
func CheckUserID(id ostiary.Subject) error {
	text := string(id)
	bad := text == "" || len(text) > 128 || strings.Contains(text, "|") || strings.TrimSpace(text) != text || !printable(text)
	if bad || id == CommandLine {
		return fmt.Errorf("%w: %q", ErrUserID, id)
	}
	return nil
}

// checkHash takes "" too: whoever has no password can't sign in.
func checkHash(hash string) error {
	if hash == "" {
		return nil
	}
	return CheckPasswordHash(hash)
}

// CheckEmail bounds an address as mail does (RFC 5321 section 4.5.3.1.3). It
// is for people to read and reaches nobody: that it is one is not checked. It
// must return an error wrapping ErrUserEmail unless the address is good.
func CheckEmail(email string) error {
	if len(email) > 254 || !printable(email) {
		return ErrUserEmail
	}
	return nil
}

// printable says whether a text can be shown as it is: no control
// characters, nothing that turns the direction or takes no room.
func printable(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
}

// Update changes a stored user by edit, in one step. Everything decided for
// them before is decided again.
func (u *Users) Update(ctx context.Context, id ostiary.Subject, by audit.Actor, edit func(*User)) (User, error) {
	var after User
	err := u.db.Change(ctx, "change user "+string(id), func(tx *store.Tx) error {
		before, version, err := u.stored(ctx, id)
		if err != nil {
			return err
		}
		after = before
		edit(&after)
		after.ID, after.Generation = id, before.Generation
		if after.Provider != "" && after.PasswordHash != "" {
			return ErrUserProvider
		}
		if after.Disabled && !before.Disabled || after.PasswordHash != before.PasswordHash {
			after.Generation++
		}
		if err := checkHash(after.PasswordHash); err != nil {
			return err
		}
		if after.Email != before.Email { // an old one must not stand in the way of disabling its user
			if err := CheckEmail(after.Email); err != nil {
				return err
			}
		}
		if !reflect.DeepEqual(after.Claims, before.Claims) {
			if err := u.paths.Check(after.Claims); err != nil {
				return err
			}
		}
		u.epochs.Bump(tx, store.EpochIDs{Subject: id})
		u.record(tx, "changed", id, by)
		return u.table.Update(ctx, tx, string(id), after, version)
	})
	if err != nil {
		return User{}, err
	}
	return after, nil
}

// StillThere makes tx conflict when the person changes meanwhile, so that
// nothing is left behind for whoever gets the id of a deleted person. Somebody
// who is disabled or gone is ErrUserNotFound.
func (u *Users) StillThere(ctx context.Context, tx *store.Tx, id ostiary.Subject) (User, error) {
	ids := store.EpochIDs{Subject: id}
	u.epochs.Forget(ids)
	at, err := u.epochs.Of(ctx, ids)
	if err != nil {
		return User{}, err
	}
	u.epochs.Assert(tx, ids, at)
	user, err := u.Get(ctx, id)
	if err == nil && user.Disabled {
		err = fmt.Errorf("%w: %q is disabled", ErrUserNotFound, id)
	}
	return user, err
}

// stored returns a user who may be changed.
func (u *Users) stored(ctx context.Context, id ostiary.Subject) (User, store.Version, error) {
	user, version, err := u.get(ctx, id)
	if err == nil && user.Configured {
		err = ErrUserConfigured
	}
	return user, version, err
}

// Delete removes a stored user and destroys their data key: whatever was
// kept for them can never be read again, on any instance.
func (u *Users) Delete(ctx context.Context, id ostiary.Subject, by audit.Actor) error {
	return u.db.Change(ctx, "delete user "+string(id), func(tx *store.Tx) error {
		before, version, err := u.stored(ctx, id)
		if err != nil {
			return err
		}
		if before.Provider != "" {
			if err := u.departed.Put(ctx, tx, string(id), departed{u.db.Clock().Now()}); err != nil {
				return err
			}
		}
		if err := u.unlinkAll(ctx, tx, id); err != nil {
			return err
		}
		u.table.Delete(tx, string(id), version)
		u.db.DestroyOwner(tx, id)
		u.epochs.Bump(tx, store.EpochIDs{Subject: id})
		u.record(tx, "deleted", id, by)
		return nil
	})
}

func (u *Users) record(tx *store.Tx, event string, id ostiary.Subject, by audit.Actor) {
	u.log.Append(tx, audit.Entry{Kind: audit.KindAdmin, Event: "user_" + event, Target: string(id), Actor: by})
}
