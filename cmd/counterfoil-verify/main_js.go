// SPDX-License-Identifier: Apache-2.0

//go:build js && wasm

// The same verifier for a page: it defines the function
// counterfoilVerify(receipt, trust), which takes the bytes of a receipt and of
// a trust policy and returns the result as JSON. Hand over each as a Uint8Array,
// just as it was read; a string will do if it was decoded without loss.
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
		return judge(content(args[0]), content(args[1]))
	}))
	select {} // the page holds the function
}

// content is the bytes of a Uint8Array, or of a string in UTF-8.
func content(v js.Value) []byte {
	if !v.InstanceOf(js.Global().Get("Uint8Array")) {
		return []byte(v.String())
	}
	b := make([]byte, v.Length())
	js.CopyBytesToGo(b, v)
	return b
}

func judge(receipt, trust []byte) string {
	var r verify.Result
	t, err := proof.ParseTrust(trust)
	if err != nil {
		r.Faults = []verify.Fault{{Code: verify.BadCheckpoint, Promise: 2, Detail: err.Error()}}
	} else {
		r = verify.Receipt(receipt, t)
	}
	b, err := json.Marshal(r)
	if err != nil {
		return `{"valid":false,"steps":[]}`
	}
	return string(b)
}
