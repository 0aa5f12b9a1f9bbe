// SPDX-License-Identifier: Apache-2.0

//go:build js && wasm

// The same verifier for a page: it defines the function
// counterfoilVerify(receipt, trust), which takes the texts of a receipt and of
// a trust policy and returns the result as JSON.
package main

import (
	"encoding/json"
	"syscall/js"

	"github.com/counterfoil/counterfoil/proof"
	"github.com/counterfoil/counterfoil/verify"
)

func main() {
	js.Global().Set("counterfoilVerify", js.FuncOf(func(_ js.Value, args []js.Value) any {
		if len(args) != 2 {
			return `{"valid":false,"faults":[{"code":"usage","promise":0,"detail":"want receipt and trust policy"}],"steps":[]}`
		}
		return judge(args[0].String(), args[1].String())
	}))
	select {} // the page holds the function
}

func judge(receipt, trust string) string {
	var r verify.Result
	t, err := proof.ParseTrust([]byte(trust))
	if err != nil {
		r.Faults = []verify.Fault{{Code: verify.BadCheckpoint, Promise: 2, Detail: err.Error()}}
	} else {
		r = verify.Receipt([]byte(receipt), t)
	}
	b, err := json.Marshal(r)
	if err != nil {
		return `{"valid":false,"steps":[]}`
	}
	return string(b)
}
