package web

import (
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"
)

func loadSpec(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(specYAML)
	require.NoError(t, err)
	return doc
}

func TestTheSpecIsValidAndItsExamplesMatchTheirSchemas(t *testing.T) {
	t.Parallel()
	require.NoError(t, loadSpec(t).Validate(t.Context(), openapi3.EnableExamplesValidation()))
}
