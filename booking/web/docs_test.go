package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheSpecificationIsServedAsItIs(t *testing.T) {
	t.Parallel()
	answer := open(t).call("GET", "/openapi.yaml", "", "").is(http.StatusOK)
	require.True(t, bytes.Equal(specYAML, answer.body))
	require.Equal(t, "application/yaml", answer.header.Get("Content-Type"))
}

func TestTheDocsPageRunsUnderItsPolicyWithoutAnybodyElsesServer(t *testing.T) {
	t.Parallel()
	s := open(t)
	page := s.call("GET", "/docs", "", "").is(http.StatusOK)
	policy := page.header.Get("Content-Security-Policy")
	require.NotContains(t, policy, "script-src 'self' 'unsafe-inline'")
	require.NotContains(t, policy, "http")
	require.Contains(t, string(page.body), "/openapi.yaml")

	scripts := regexp.MustCompile(`(?s)<script>(.*?)</script>`).FindAllSubmatch(page.body, -1)
	require.NotEmpty(t, scripts)
	for _, script := range scripts {
		sum := sha256.Sum256(script[1])
		require.Contains(t, policy, "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
	}
	files := regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllSubmatch(page.body, -1)
	require.NotEmpty(t, files)
	for _, file := range files {
		require.Regexp(t, `^/docs/`, string(file[1]), "no CDN")
		s.call("GET", string(file[1]), "", "").is(http.StatusOK)
	}
	require.NotContains(t, string(page.body), " onclick=")
	s.call("GET", "/docs/../openapi.go", "", "").is(http.StatusNotFound)
}
