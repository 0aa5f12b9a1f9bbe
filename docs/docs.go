// SPDX-License-Identifier: Apache-2.0

// Package docs holds the documents that go along with evidence packs, so that who
// gets one can check it, or write a checker, without asking anybody.
package docs

import _ "embed" // the documents

// Format is docs/format.md: how everything in a pack is made and checked.
//
//go:embed format.md
var Format []byte

// Verifier is docs/verify.py: a second checker of packs.
//
//go:embed verify.py
var Verifier []byte
