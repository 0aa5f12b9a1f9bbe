// SPDX-License-Identifier: Apache-2.0

package server

import (
	_ "embed"
	"encoding/json"
	"fmt"

	"github.com/goccy/go-yaml"

	"github.com/counterfoil/counterfoil/record"
)

//go:embed openapi.yaml
var openapiYAML []byte

// OpenAPI is the API document as JSON, with the record schema put in.
func OpenAPI(version string) ([]byte, error) {
	var doc map[string]any
	if err := yaml.Unmarshal(openapiYAML, &doc); err != nil {
		return nil, fmt.Errorf("read openapi.yaml: %w", err)
	}
	var schema map[string]any
	if err := json.Unmarshal(record.Schema(), &schema); err != nil {
		return nil, fmt.Errorf("read record schema: %w", err)
	}
	doc["components"].(map[string]any)["schemas"].(map[string]any)["Record"] = schema
	if version != "" {
		doc["info"].(map[string]any)["version"] = version
	}
	b, err := json.MarshalIndent(doc, "", " ")
	if err != nil {
		return nil, fmt.Errorf("write openapi.json: %w", err)
	}
	return append(b, '\n'), nil
}
