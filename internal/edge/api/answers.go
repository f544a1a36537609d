package api

import (
	"errors"
	"net/http"
	"strings"

	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/authserver/client"
	"github.com/ostiary/ostiary/internal/catalogue"
	"github.com/ostiary/ostiary/internal/edge/visit"
	agents "github.com/ostiary/ostiary/session"
)

// answers are what the API says to the refusals of the domain.
var answers = []struct {
	err    error
	status int
	code   string
}{
	{approval.ErrNotFound, http.StatusNotFound, "not_found"},
	{approval.ErrNotApprover, http.StatusForbidden, "not_an_approver"},
	{approval.ErrSelfApproval, http.StatusForbidden, "self_approval"},
	{approval.ErrReauthenticate, http.StatusForbidden, "reauthenticate"},
	{approval.ErrDecided, http.StatusConflict, "already_decided"},
	{approval.ErrExpired, http.StatusConflict, "expired"},
	{approval.ErrScope, http.StatusUnprocessableEntity, "scope_not_allowed"},
	{approval.ErrOnce, http.StatusUnprocessableEntity, "scope_not_allowed"},
	{approval.ErrVotes, http.StatusUnprocessableEntity, "needs_more_approvers"},
	{approval.ErrTTL, http.StatusUnprocessableEntity, "ttl_too_long"},
	{approval.ErrTTLMissing, http.StatusUnprocessableEntity, "ttl_missing"},
	{approval.ErrSessionMissing, http.StatusUnprocessableEntity, "session_missing"},
	{approval.ErrReason, http.StatusUnprocessableEntity, "reason_too_long"},
	{approval.ErrAnswer, http.StatusBadRequest, "invalid_request"},

	{identity.ErrStaleSignIn, http.StatusForbidden, "reauthenticate"},
	{identity.ErrTokenNotFound, http.StatusNotFound, "not_found"},
	{identity.ErrTokenOver, http.StatusConflict, "token_over"},
	{identity.ErrTokenRotated, http.StatusConflict, "rotated"},
	{identity.ErrTokenApp, http.StatusUnprocessableEntity, "unknown_app"},
	{identity.ErrTokenTool, http.StatusUnprocessableEntity, "unknown_tool"},
	{identity.ErrTokenNamed, http.StatusConflict, "name_taken"},
	{identity.ErrTokenName, http.StatusUnprocessableEntity, "name_missing"},
	{identity.ErrTokenTier, http.StatusUnprocessableEntity, "tier_missing"},
	{identity.ErrTokenTTL, http.StatusUnprocessableEntity, "ttl_too_long"},
	{identity.ErrTokenShort, http.StatusUnprocessableEntity, "ttl_too_short"},
	{identity.ErrTokenEndless, http.StatusUnprocessableEntity, "ttl_too_long"},
	{identity.ErrTokenAdmin, http.StatusForbidden, "access_denied"},
	{identity.ErrTokenCIDR, http.StatusUnprocessableEntity, "invalid_cidr"},
	{identity.ErrTokenWider, http.StatusUnprocessableEntity, "wider"},
	{identity.ErrRight, http.StatusUnprocessableEntity, "right_not_held"},
	{identity.ErrRightNone, http.StatusUnprocessableEntity, "right_missing"},
	{identity.ErrUserNotFound, http.StatusNotFound, "not_found"},
	{identity.ErrUserExists, http.StatusConflict, "exists"},
	{identity.ErrUserConfigured, http.StatusConflict, "configured"},
	{identity.ErrUserID, http.StatusUnprocessableEntity, "invalid_id"},
	{identity.ErrPassword, http.StatusUnprocessableEntity, "password_too_short"},
	{identity.ErrUserEmail, http.StatusUnprocessableEntity, "invalid_email"},
	{identity.ErrUserClaims, http.StatusUnprocessableEntity, "invalid_claims"},

	{agents.ErrNotFound, http.StatusNotFound, "not_found"},
	{agents.ErrOver, http.StatusConflict, "session_over"},

	{client.ErrUnknown, http.StatusNotFound, "not_found"},
	{client.ErrStatic, http.StatusConflict, "configured"},

	{catalogue.ErrNoTool, http.StatusNotFound, "not_found"},
	{catalogue.ErrOtherDefinition, http.StatusConflict, "definition_changed"},
}

// answerTo finds what the API says to an error of the domain. The words of a
// refusal are for the caller; those of a fault are not.
func answerTo(err error) error {
	for _, a := range answers {
		if errors.Is(err, a.err) && a.status == http.StatusNotFound {
			return visit.NotFound() // other words would tell what is missing from what is somebody else's
		}
		if errors.Is(err, a.err) {
			return visit.Refuse(a.status, a.code, "%s.", capital(err.Error()))
		}
	}
	return err
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
