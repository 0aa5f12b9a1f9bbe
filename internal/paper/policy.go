// SPDX-License-Identifier: Apache-2.0

package paper

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// Policy is the Content-Security-Policy (Level 3) of a self-contained page: it
// allows one inline style and the given inline scripts by their hashes, and
// nothing else, no network, no frames, no forms, no inline handlers.
func Policy(style string, scripts ...string) string {
	hash := func(s string) string {
		sum := sha256.Sum256([]byte(s))
		return " 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	var p strings.Builder
	p.WriteString("default-src 'none'; style-src" + hash(style))
	for n, s := range scripts {
		if n == 0 {
			p.WriteString("; script-src")
		}
		p.WriteString(hash(s))
	}
	p.WriteString("; form-action 'none'; base-uri 'none'")
	return p.String()
}
