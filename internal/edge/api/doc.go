// Package api answers programs: the JSON API below /api/v1, for the command
// line, for scripts and for pages that operators put in front.
//
// It owns who may ask what: an operator token or a browser session, the
// rights it has, the caller's tenant. What is somebody else's and not to be
// seen is not there. identity, approval, audit, guard and the catalogue do
// what is asked.
package api
