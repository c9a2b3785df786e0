package web

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"regexp"
	"strings"
	"sync"

	"hotelbooking/booking"
)

// Scope is what a key is for.
type Scope string

// A key submits bookings and follows its own, only submits, or supports everybody's.
const (
	ScopeBookings    Scope = "bookings"
	ScopePublishable Scope = "publishable" // no secret: a page may carry it
	ScopeSupport     Scope = "support"
)

// Role is how much a key of scope support may do. Each includes those before it.
type Role string

// A viewer reads, with personal data masked; an agent reads and acts; a supervisor gives money away.
const (
	RoleViewer     Role = "viewer"
	RoleAgent      Role = "agent"
	RoleSupervisor Role = "supervisor"
)

// Key is an API key as it is configured: never the key itself, only its hash.
type Key struct {
	Name  string // who it is; the owner of the bookings it submits, and the actor in histories. [a-z0-9._-], at most 64
	Hash  string // SHA-256 of the key, 64 hexadecimal digits: see HashKey
	Scope Scope
	Role  Role // of scope support; none otherwise
}

// HashKey is what is configured for a key.
func HashKey(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// NewKey makes a key of 256 random bits.
func NewKey(scope Scope) string {
	var random [32]byte
	_, _ = rand.Read(random[:]) // never fails: see its documentation
	return "bk_" + string(scope) + "_" + base64.RawURLEncoding.EncodeToString(random[:])
}

// keyring knows the keys and makes the client secrets.
type keyring struct {
	keys   []Key
	hashes [][sha256.Size]byte
	macs   sync.Pool // of hash.Hash, keyed with the key of client secrets: to key one takes longer than to use it
}

var keyName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

func newKeyring(keys []Key, secret []byte) (*keyring, error) {
	var errs []error
	if len(secret) < 32 {
		errs = append(errs, fmt.Errorf("the key of client secrets has %d bytes, and must have 32 or more", len(secret)))
	}
	ring := &keyring{keys: keys, macs: sync.Pool{New: func() any { return hmac.New(sha256.New, secret) }}}
	seen := map[string]bool{}
	for _, key := range keys {
		hash, err := hex.DecodeString(key.Hash)
		if err != nil || len(hash) != sha256.Size {
			errs = append(errs, fmt.Errorf("key %q: its hash is not 64 hexadecimal digits", key.Name))
		}
		if !keyName.MatchString(key.Name) {
			errs = append(errs, fmt.Errorf("key %q: a name has 1 to 64 of a-z, 0-9, dot, dash and underscore", key.Name))
		}
		if seen[key.Name] {
			errs = append(errs, fmt.Errorf("key %q: the name is taken", key.Name))
		}
		seen[key.Name] = true
		switch {
		case (key.Scope == ScopeBookings || key.Scope == ScopePublishable) && key.Role == "":
		case key.Scope == ScopeSupport && rank(key.Role) > 0:
		default:
			errs = append(errs, fmt.Errorf("key %q: scope %q with role %q is none of bookings, publishable, and support with a role", key.Name, key.Scope, key.Role))
		}
		ring.hashes = append(ring.hashes, [sha256.Size]byte(append(hash, make([]byte, sha256.Size)...)))
	}
	return ring, errors.Join(errs...)
}

func rank(r Role) int {
	switch r {
	case RoleViewer:
		return 1
	case RoleAgent:
		return 2
	case RoleSupervisor:
		return 3
	default:
		return 0
	}
}

// find looks at every key, so that its time tells nothing.
func (k *keyring) find(token string) (Key, bool) {
	sum := sha256.Sum256([]byte(token))
	at := -1
	for i := range k.hashes {
		if subtle.ConstantTimeCompare(sum[:], k.hashes[i][:]) == 1 {
			at = i
		}
	}
	if at < 0 {
		return Key{}, false
	}
	return k.keys[at], true
}

const secretPrefix = "bks_"

// clientSecret opens one booking to a browser. It is computed, not stored, so that a replayed submission gets the same.
func (k *keyring) clientSecret(client string, id booking.ID) string {
	mac, _ := k.macs.Get().(hash.Hash) // see newKeyring: it is nothing else
	defer k.macs.Put(mac)
	mac.Reset()
	mac.Write([]byte(client + "|" + string(id))) // neither holds a bar
	return secretPrefix + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// opens tells whether secret is the client secret of a booking.
func (k *keyring) opens(secret, client string, id booking.ID) bool {
	return hmac.Equal([]byte(secret), []byte(k.clientSecret(client, id)))
}

func isClientSecret(token string) bool { return strings.HasPrefix(token, secretPrefix) }
