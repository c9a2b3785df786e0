package webhooks

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The example that Standard Webhooks publishes with its libraries.
func TestASignatureIsTheOneThatIsPublished(t *testing.T) {
	t.Parallel()
	s, err := newSigner([]string{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"})
	require.NoError(t, err)
	signature, err := s.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), `{"test": 2432232314}`)
	require.NoError(t, err)
	require.Equal(t, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", signature)
}

func TestWhileASecretIsReplacedThereIsASignatureOfEach(t *testing.T) {
	t.Parallel()
	s, err := newSigner([]string{"whsec_" + strings.Repeat("A", 32), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"})
	require.NoError(t, err)
	signature, err := s.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), `{"test": 2432232314}`)
	require.NoError(t, err)
	words := strings.Split(signature, " ")
	require.Len(t, words, 2)
	require.Equal(t, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", words[1])
	require.NotEqual(t, words[0], words[1])
}

func TestASecretThatCannotBeUsedIsRefusedAndNotQuoted(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{"", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_canary!", "whsec_Y2FuYXJ5", "whsec_" + strings.Repeat("canary00", 11)} {
		err := ValidateSecrets([]string{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", secret})
		require.ErrorContains(t, err, "openssl rand -base64 32", secret)
		require.NotContains(t, err.Error(), "canary")
		require.NotContains(t, err.Error(), "Y2Fu")
	}
	require.ErrorContains(t, ValidateSecrets(nil), "are missing")
}
