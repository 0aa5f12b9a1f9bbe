// SPDX-License-Identifier: Apache-2.0

//go:build !js

// Counterfoil-verify checks receipts offline. It depends on the packages
// record, proof and verify and on nothing that talks to a server, so that an
// auditor can read all of what is believed.
//
//	counterfoil-verify receipt --trust FILE RECEIPT…
//
// Exit status: 0 everything is valid, 1 something is not, 2 wrong usage.
package main

import "os"

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
