package client

import (
	"context"
	"encoding/base64"
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/ostiary/ostiary"
)

// A Presented is what a request brings to prove which client sent it. Fields
// that were not sent are empty; a parameter that was sent twice is the
// endpoint's to refuse.
type Presented struct {
	Authorization string         // the header, where there is one
	ID            string         // client_id
	Secret        ostiary.Secret // client_secret
	AssertionType string         // client_assertion_type
	Assertion     ostiary.Secret // client_assertion
}

// A proof is what was presented, taken apart.
type proof struct {
	id        ostiary.ClientID
	method    Method
	secret    ostiary.Secret
	assertion assertion
}

// Authenticate returns the client that a request comes from, and how it proved
// that. Refusals are *Error with invalid_client or invalid_request; everything
// else is a fault and says nothing of the client: ErrUnreachable and what
// storage says.
func (r *Registry) Authenticate(ctx context.Context, p Presented) (Client, Method, error) {
	proof, err := p.read()
	if err != nil {
		return Client{}, "", err
	}
	c, err := r.Find(ctx, proof.id)
	if errors.Is(err, ErrUnknown) {
		return Client{}, "", notIt("there is no such client (any more): register again")
	}
	if err != nil {
		return Client{}, "", err
	}
	if !slices.Contains(c.Methods, proof.method) && !c.eitherSecret(proof.method) {
		return Client{}, "", notIt("this client proves itself by %s", named(c.Methods))
	}
	switch proof.method {
	case Basic, Post:
		if !r.holds(c.credential, proof.secret) {
			return Client{}, "", notIt("the secret is not the client's")
		}
	case PrivateKey:
		if why, err := r.prove(ctx, &c, proof.assertion); err != nil || why != "" {
			return Client{}, "", orRefuse(err, why)
		}
	}
	return c, proof.method, nil
}

// eitherSecret: clients mix up the two ways of sending the same secret, and
// nobody gains by it.
func (c *Client) eitherSecret(m Method) bool {
	return m.secret() && slices.ContainsFunc(c.Methods, Method.secret)
}

func orRefuse(err error, why string) error {
	if err != nil {
		return err
	}
	return notIt("client_assertion: %s", why)
}

// holds says, in constant time, whether a secret is the client's.
func (r *Registry) holds(c credential, secret ostiary.Secret) bool {
	if c.hash != "" {
		return ostiary.Secret(c.hash).Equal(ostiary.Secret(r.hash(secret.Reveal())))
	}
	if c.secret == "" {
		return false
	}
	// Hashes are of one length, which the secret's would tell.
	return ostiary.Secret(r.hash(c.secret.Reveal())).Equal(ostiary.Secret(r.hash(secret.Reveal())))
}

// read takes apart what was presented. Two methods at once are refused (RFC
// 6749 section 2.3), and so are two clients.
func (p Presented) read() (proof, error) {
	basic, isBasic, err := p.basic()
	if err != nil {
		return proof{}, err
	}
	signed, isSigned, err := p.signed()
	if err != nil {
		return proof{}, err
	}
	isPost := p.Secret != ""
	if isBasic && isPost || isBasic && isSigned || isPost && isSigned {
		return proof{}, badRequest("it proves itself in two ways at once")
	}
	out := proof{id: ostiary.ClientID(p.ID), method: None}
	switch {
	case isBasic:
		out = basic
	case isSigned:
		out = signed
	case isPost:
		out.method, out.secret = Post, p.Secret
	}
	if p.ID != "" && p.ID != string(out.id) {
		return proof{}, badRequest("client_id is not the client that proves itself")
	}
	if out.id == "" {
		return proof{}, notIt("it doesn't say which client it is")
	}
	return out, nil
}

// basic reads the Authorization header. Both halves are form-encoded in it
// (RFC 6749 section 2.3.1). One without a secret names the client, no more.
func (p Presented) basic() (proof, bool, error) {
	if p.Authorization == "" {
		return proof{}, false, nil
	}
	scheme, text, _ := strings.Cut(p.Authorization, " ")
	if !strings.EqualFold(scheme, "Basic") {
		return proof{}, false, notIt("the Authorization header is not Basic")
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	id, secret, ok := strings.Cut(string(raw), ":")
	if err != nil || !ok {
		return proof{}, false, notIt("the Authorization header can't be read")
	}
	id, errID := url.QueryUnescape(id)
	secret, errSecret := url.QueryUnescape(secret)
	if errID != nil || errSecret != nil || id == "" {
		return proof{}, false, notIt("the Authorization header can't be read: id and secret are form-encoded in it")
	}
	method := Basic
	if secret == "" {
		method = None
	}
	return proof{id: ostiary.ClientID(id), method: method, secret: ostiary.Secret(secret)}, true, nil
}

func (p Presented) signed() (proof, bool, error) {
	if p.Assertion == "" && p.AssertionType == "" {
		return proof{}, false, nil
	}
	if p.AssertionType != AssertionType || p.Assertion == "" {
		return proof{}, false, badRequest("client_assertion comes with client_assertion_type=%s", AssertionType)
	}
	a, err := parseAssertion(p.Assertion.Reveal())
	if err != nil {
		return proof{}, false, notIt("client_assertion: %v", err)
	}
	id, err := a.of()
	if err != nil {
		return proof{}, false, notIt("client_assertion: %v", err)
	}
	return proof{id: id, method: PrivateKey, assertion: a}, true, nil
}

func named(methods []Method) string {
	var all []string
	for _, m := range methods {
		all = append(all, string(m))
	}
	return strings.Join(all, " or ")
}
