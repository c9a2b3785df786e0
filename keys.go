package main

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"hotelbooking/booking/web"
	"hotelbooking/store"
)

// keys is everything secret that the service works with.
type keys struct {
	api      []web.Key
	client   []byte // makes client secrets
	people   store.Keys
	webhook  string // verifies the sandbox's notifications
	checkout string // what the checkout page submits with; no secret
	made     []madeKey
}

// madeKey is an API key that this process made; it is shown once.
type madeKey struct{ name, text string }

// loadKeys takes keys from the configuration, and what is not there from files below data_dir, which it makes at first
// start. Several processes may share the directory, and may start together.
func loadKeys(cfg Config) (keys, error) {
	k := keys{}
	dir := filepath.Join(cfg.DataDir, "keys")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return k, fmt.Errorf("make the directory of keys: %w", err)
	}
	var problems []error
	secret := func(configured Secret, name string) []byte {
		if configured == "" {
			text, _, err := fileSecret(filepath.Join(dir, name), randomKey)
			problems = append(problems, err)
			configured = Secret(text)
		}
		key, err := configured.Key()
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", filepath.Join(dir, name), err))
		}
		return key
	}
	k.client = secret(cfg.Secrets.ClientSecretKey, "client_secret.key")
	wrap := secret(cfg.Secrets.PeopleKey, "people.key")
	k.people = store.Keys{Current: keyID(wrap), Wrap: map[string][]byte{keyID(wrap): wrap}, Index: secret(cfg.Secrets.EmailIndexKey, "email_index.key")}
	if k.webhook = cfg.Providers.Payment.WebhookSecret.Reveal(); k.webhook == "" {
		text, _, err := fileSecret(filepath.Join(dir, "sandbox_webhook.key"), randomKey)
		problems = append(problems, err)
		k.webhook = text
	}
	k.checkout = cfg.Checkout.Key
	for _, key := range cfg.Auth.Keys {
		k.api = append(k.api, web.Key{Name: key.Name, Hash: key.Hash, Scope: web.Scope(key.Scope), Role: web.Role(key.Role)})
	}
	if len(cfg.Auth.Keys) == 0 {
		for _, made := range []web.Key{
			{Name: "bookings", Scope: web.ScopeBookings},
			{Name: "support", Scope: web.ScopeSupport, Role: web.RoleSupervisor},
			{Name: "checkout", Scope: web.ScopePublishable},
		} {
			text, fresh, err := fileSecret(filepath.Join(dir, made.Name+".key"), func() string { return web.NewKey(made.Scope) })
			problems = append(problems, err)
			made.Hash = web.HashKey(text)
			k.api = append(k.api, made)
			if made.Scope == web.ScopePublishable {
				k.checkout = text
			} else if fresh {
				k.made = append(k.made, madeKey{made.Name, text})
			}
		}
	}
	return k, errors.Join(problems...)
}

// fileSecret reads a secret's file, and makes it where there is none. Of processes that make it together one wins, and all
// read what it made: the file appears under its name only once it is complete.
func fileSecret(path string, random func() string) (text string, made bool, err error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if made, err = create(path, random()); err != nil {
			return "", false, err
		}
		content, err = os.ReadFile(path)
	}
	if err == nil {
		err = notForEverybody(path)
	}
	if err != nil {
		return "", false, fmt.Errorf("read key: %w", err)
	}
	return strings.TrimSpace(string(content)), made, nil
}

// notForEverybody refuses a secret that is none: whoever copied it here forgot its mode.
func notForEverybody(path string) error {
	info, err := os.Stat(path)
	if err == nil && info.Mode().Perm()&0o004 != 0 {
		err = fmt.Errorf("everybody can read %s: chmod o-r it", path)
	}
	return err
}

func create(path, content string) (made bool, err error) {
	draft, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return false, fmt.Errorf("make key: %w", err)
	}
	defer func() { _ = os.Remove(draft.Name()) }()
	_, err = draft.WriteString(content + "\n")
	if err = errors.Join(err, draft.Sync(), draft.Close()); err != nil {
		return false, fmt.Errorf("make key %s: %w", path, err)
	}
	if err = os.Link(draft.Name(), path); errors.Is(err, fs.ErrExist) {
		return false, nil
	} else if err != nil {
		return false, fmt.Errorf("make key: %w", err)
	}
	return true, nil
}

// keyID names a key in the rows that are sealed under it, without telling anything about it.
func keyID(key []byte) string {
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:4])
}

func randomKey() string {
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails: see its documentation
	return base64.StdEncoding.EncodeToString(key[:])
}
