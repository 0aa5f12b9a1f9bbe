// SPDX-License-Identifier: Apache-2.0

package db

// Rebind is what turns ? into $n.
var Rebind = rebind

// Classify sorts an error into its kind.
var Classify = classify
