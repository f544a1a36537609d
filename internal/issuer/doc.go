// Package issuer reads what others say of people, and believes as much of it
// as was checked: issuers whose JWTs are taken ([Trusted]), and identity
// providers that people sign in at ([Provider]).
//
// It owns discovery, the checks of a JWT and of a provider's answer. It hands
// an identity.Arrival or a session.Vouched to whoever asked; what their claims
// may say is limited here, and nowhere else. It keeps nothing of anybody.
package issuer
