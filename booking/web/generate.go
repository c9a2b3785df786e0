package web

import _ "embed"

//go:generate go tool -modfile=../../.ci/tools.mod oapi-codegen -config oapi-codegen.yaml openapi.yaml

// specYAML is the contract: the models and parameters are generated from it, bodies are validated by it, and it is served.
//
//go:embed openapi.yaml
var specYAML []byte
