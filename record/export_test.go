// SPDX-License-Identifier: Apache-2.0

package record

// PlainlyCanonical lets the tests hold the fast path against the decoder.
var PlainlyCanonical = plainlyCanonical
