package web

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// identity is who has signed in at the identity provider, and what they may do here.
type identity struct {
	name string
	role Role // empty: nothing
}

// identify reads a token that was verified.
func (c OIDC) identify(token *oidc.IDToken) (identity, error) {
	var payload jsontext.Value
	if err := token.Claims(&payload); err != nil {
		return identity{}, fmt.Errorf("read the id_token: %w", err)
	}
	var claims map[string]any
	if err := json.Unmarshal(payload, &claims); err != nil { // which takes no name twice
		return identity{}, errors.New("read the id_token: it is no plain JSON object")
	}
	if party, named := claims["azp"]; named && party != c.ClientID || !named && len(token.Audience) > 1 {
		return identity{}, errors.New("verify the id_token: it was made for another party")
	}
	if token.Subject == "" {
		return identity{}, errors.New("verify the id_token: it names nobody")
	}
	return identity{name: nameOf(token.Issuer, token.Subject, claims), role: c.role(valuesOf(claims, c.RoleClaim))}, nil
}

// role is the highest one that any of the values stands for.
func (c OIDC) role(values []string) Role {
	for _, grant := range []struct {
		role Role
		to   []string
	}{{RoleSupervisor, c.Supervisors}, {RoleAgent, c.Agents}, {RoleViewer, c.Viewers}} {
		if slices.ContainsFunc(values, func(v string) bool { return slices.Contains(grant.to, v) }) {
			return grant.role
		}
	}
	return ""
}

// valuesOf finds a claim by its name, or by its path with dots between the levels, and takes one word or several.
func valuesOf(claims map[string]any, name string) []string {
	found, ok := claims[name]
	if !ok {
		outer, inner, deeper := strings.Cut(name, ".")
		if below, isObject := claims[outer].(map[string]any); deeper && isObject {
			return valuesOf(below, inner)
		}
		return nil
	}
	var values []string
	switch found := found.(type) {
	case string:
		values = append(values, found)
	case []any:
		for _, one := range found {
			if text, ok := one.(string); ok {
				values = append(values, text)
			}
		}
	}
	return values
}

// staffNameMax is how long a name in the history may be.
const staffNameMax = 64

// nameOf is what the history calls somebody. It begins with @, which no key's name does. Only a verified address is a name by
// itself: everything else people may choose, so it carries a digest of who the provider knows it is.
func nameOf(issuer, subject string, claims map[string]any) string {
	address, _ := claims["email"].(string)
	verified := claims["email_verified"] == true || claims["email_verified"] == "true" // some providers send a string
	if name := nameable(address); verified && name != "" && name == strings.ToLower(address) && len(name) < staffNameMax {
		return "@" + name
	}
	chosen, _ := claims["preferred_username"].(string)
	if nameable(chosen) == "" {
		chosen = subject
	}
	digest := sha256.Sum256([]byte(issuer + "\x00" + subject))
	mark := "-" + hex.EncodeToString(digest[:6])
	name := nameable(chosen)
	return "@" + name[:min(len(name), staffNameMax-1-len(mark))] + mark
}

// nameable leaves of a name what histories and logs can carry.
func nameable(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || strings.ContainsRune("._@-", r) {
			return r
		}
		return -1
	}, strings.ToLower(name))
}
