// SPDX-License-Identifier: Apache-2.0
// node -e THIS wasm_exec.js verify.wasm FOLDER < receipts.json > answers.json
const fs = require("fs"), path = require("path");
const [support, wasm, folder] = process.argv.slice(1);
globalThis.require = require;
globalThis.fs ??= fs;
globalThis.path ??= path;
require(support);
(async () => {
  const go = new Go();
  const { instance } = await WebAssembly.instantiate(fs.readFileSync(wasm), go.importObject);
  go.run(instance); // never ends: it waits to be called
  const read = (name) => new Uint8Array(fs.readFileSync(path.join(folder, name)));
  const answers = JSON.parse(fs.readFileSync(0, "utf8")).map((v) => counterfoilVerify(read(v.file), read(v.trust)));
  const text = JSON.parse(counterfoilVerify("no receipt", "log nobody"));
  if (text.valid || text.faults[0].code !== "bad_checkpoint") throw new Error("a bad policy passed: " + JSON.stringify(text));
  if (JSON.parse(counterfoilVerify("only one")).valid) throw new Error("one argument passed");
  fs.writeSync(1, "[" + answers.join(",") + "]");
  process.exit(0);
})().catch((e) => { console.error(e); process.exit(1); });
