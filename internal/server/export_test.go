// SPDX-License-Identifier: Apache-2.0

package server

import (
	"maps"
	"net/http"
	"slices"
)

// ProblemCodes lists every problem code.
func ProblemCodes() []string { return slices.Sorted(maps.Keys(kinds)) }

// Split is the splitter of bodies.
func Split(media string, body []byte, limit int) (raws [][]byte, single bool, err error) {
	s := &Server{cfg: Config{Limits: Limits{Records: limit}}}
	return s.split(&http.Request{Header: http.Header{"Content-Type": {media}}}, body)
}
