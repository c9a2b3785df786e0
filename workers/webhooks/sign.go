package webhooks

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	standard "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// SecretPrefix begins every secret.
const SecretPrefix = "whsec_"

// What Standard Webhooks allows a secret to have, in bytes.
const (
	secretLeast = 24
	secretMost  = 64
)

// signer signs with one secret, or with several while one replaces another.
type signer []*standard.Webhook

// newSigner checks the secrets. Its errors hold none of them.
func newSigner(secrets []string) (signer, error) {
	if len(secrets) == 0 {
		return nil, errors.New("secrets: are missing: make one with echo whsec_$(openssl rand -base64 32)")
	}
	var s signer
	for _, secret := range secrets {
		text, prefixed := strings.CutPrefix(secret, SecretPrefix)
		key, err := base64.StdEncoding.DecodeString(text)
		if !prefixed || err != nil || len(key) < secretLeast || len(key) > secretMost {
			return nil, fmt.Errorf("secrets: want %s and %d to %d bytes in base64, as echo %s$(openssl rand -base64 32) prints them",
				SecretPrefix, secretLeast, secretMost, SecretPrefix)
		}
		webhook, err := standard.NewWebhookRaw(key)
		if err != nil {
			return nil, errors.New("secrets: cannot be used")
		}
		s = append(s, webhook)
	}
	return s, nil
}

// ValidateSecrets tells what is wrong with an endpoint's secrets, without saying what they are.
func ValidateSecrets(secrets []string) error {
	_, err := newSigner(secrets)
	return err
}

// sign is the header with a signature for each secret.
func (s signer) sign(id string, at time.Time, body string) (string, error) {
	signatures := make([]string, len(s))
	for i, secret := range s {
		var err error
		if signatures[i], err = secret.Sign(id, at, []byte(body)); err != nil {
			return "", err
		}
	}
	return strings.Join(signatures, " "), nil
}
