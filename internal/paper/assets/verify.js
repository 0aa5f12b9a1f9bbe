// SPDX-License-Identifier: Apache-2.0
//
// verify.js judges a Counterfoil receipt, step by step, in the order in which a
// person would do it by hand. It touches neither the page nor the network.
//
//   counterfoil.verify(receiptText, trustText) → { valid, steps, … }
//
// Each step throws as soon as something is wrong; a step that threw is a cross,
// and one cross makes the receipt invalid. What a step returns is what it says;
// { note } says something that is neither right nor wrong.
"use strict";
const counterfoil = (() => {
  const { utf8, sha256, join, same, need, isObject, to64, from64, from64url, parseStrict, canonical, at, isSeal, sealsOf } = formats;
  const { parseProof, ed25519, parseTrust, met, rootOf, sealOf, stampOf } = formats;

  // missing says what this browser lacks, or "". It tries Ed25519 on the third test of RFC 8032, right and wrong.
  async function missing() {
    if (!globalThis.crypto?.subtle) return "this browser gives no access to its cryptography here";
    const bytes = (s) => Uint8Array.from(s.match(/../g), (x) => parseInt(x, 16));
    try {
      const key = await crypto.subtle.importKey("raw", bytes("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"), "Ed25519", false, ["verify"]);
      const good = bytes("6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a");
      const bad = good.map((x, i) => (i === 40 ? x ^ 1 : x));
      const tries = [await crypto.subtle.verify("Ed25519", key, good, bytes("af82")), await crypto.subtle.verify("Ed25519", key, bad, bytes("af82"))];
      return tries[0] && !tries[1] ? "" : "this browser’s Ed25519 gives wrong answers";
    } catch {
      return "this browser does not know Ed25519 signatures";
    }
  }

  const isID = (text) => /^[A-Za-z0-9][A-Za-z0-9._:~-]{0,127}$/.test(text);

  async function verify(receiptText, trustText) {
    const r = { valid: false, steps: [], receipt: null, trust: null, witnesses: [], opened: new Set(), sealed: [] };
    const step = async (name, title, run) => {
      try {
        const said = await run();
        r.steps.push({ name, title, state: typeof said === "string" ? "pass" : "note", detail: said.note ?? said });
      } catch (e) {
        r.steps.push({ name, title, state: "fail", detail: e instanceof Error ? e.message : String(e) });
      }
    };
    const after = (...things) => need(things.every((t) => t !== undefined && t !== null), "not checked, because a step before it failed");

    await step("read", "Read the receipt", async () => {
      const receipt = parseStrict(receiptText);
      need(isObject(receipt) && receipt.receipt === "counterfoil/receipt/v1", "this is not a counterfoil/receipt/v1");
      for (const k of Object.keys(receipt)) need(["receipt", "statement", "proof", "timestamp", "disclosed", "erased"].includes(k), `unknown member “${k}” in the receipt`);
      need(isObject(receipt.statement) && typeof receipt.proof === "string", "the receipt lacks its statement or its proof");
      need(["timestamp", "disclosed", "erased"].every((k) => receipt[k] !== null), "null is not a value of this format");
      for (const [k, members] of [["disclosed", ["pointer", "salt", "value"]], ["erased", ["pointer", "tombstone"]]]) {
        const list = receipt[k] ?? [];
        need(Array.isArray(list) && list.every((x) => isObject(x) && Object.keys(x).every((name) => members.includes(name))), `“${k}” is malformed`);
      }
      r.receipt = receipt;
      const proof = parseProof(receipt.proof);
      Object.assign(r, { index: proof.index, path: proof.path, note: proof.note, origin: proof.note.origin, size: proof.note.size });
      return "well-formed, no name twice, numbers exact";
    });

    await step("statement", "Hash the statement", async () => {
      after(r.receipt);
      const s = r.receipt.statement, bytes = utf8(canonical(s));
      need(s.statement === "counterfoil/v1", "the statement is not a counterfoil/v1");
      need(typeof s.id === "string" && isID(s.id), "the statement has no proper record id");
      need(["type", "time", "recorded", "principal", "capture"].every((k) => typeof s[k] === "string" || isSeal(s[k])), "the statement lacks what every statement has");
      need(bytes.length <= 65535, "the statement is longer than 65,535 bytes");
      r.id = s.id;
      r.leaf = await sha256(join([0], bytes));
      return `${bytes.length} canonical bytes, ${to64(r.leaf).slice(0, 6)}…${to64(r.leaf).slice(-5)}`;
    });

    await step("path", "Follow its path to the root of the log", async () => {
      after(r.leaf, r.note);
      r.nodes = await rootOf(r.leaf, r.index, r.size, r.path);
      need(same(r.nodes.at(-1).hash, r.note.root), "the path does not lead to the root of the checkpoint: the record, its place or the path was changed");
      return `index ${r.index} of ${r.size}, ${r.path.length} ${r.path.length === 1 ? "hash" : "hashes"} up`;
    });

    await step("trust", "Read the trust policy", async () => {
      r.trust = await parseTrust(trustText);
      return r.trust.logs.map((k) => `log ${k.name}`).join(", ") + (r.trust.witnesses.length ? `, ${r.trust.witnesses.length} witness${r.trust.witnesses.length > 1 ? "es" : ""}` : "");
    });

    await step("signature", "Check the log’s signature on the checkpoint", async () => {
      after(r.note, r.trust);
      const keys = r.trust.logs.filter((k) => k.name === r.origin); // any one of them will do
      need(keys.length > 0, `the checkpoint is of the log ${r.origin}, but the trust policy names ${r.trust.logs.map((k) => k.name).join(", ")}`);
      const lines = keys.map((k) => r.note.signatures.find((s) => s.name === k.name && s.hash === k.hash));
      need(lines.some((l) => l), `the trusted key of ${r.origin} did not sign this checkpoint`);
      const right = await Promise.all(lines.map((l, i) => l && ed25519(keys[i], l.bytes, utf8(r.note.text))));
      need(right.includes(true), `the signature of ${r.origin} is wrong`);
      return `signed by ${r.origin}`;
    });

    await step("witnesses", "Check the witnesses’ signatures", async () => {
      after(r.note, r.trust);
      const signed = new Set(), wrong = new Set();
      for (const line of r.note.signatures) {
        const witness = r.trust.witnesses.find((w) => w.name === line.name && w.hash === line.hash);
        if (!witness || signed.has(witness) || wrong.has(witness)) continue; // the first line of each witness counts
        const time = line.bytes.length === 72 ? new DataView(line.bytes.slice(0, 8).buffer).getBigUint64(0) : -1n;
        if (time < 0n || !(await ed25519(witness, line.bytes.subarray(8), utf8(`cosignature/v1\ntime ${time}\n${r.note.text}`)))) {
          need(!r.trust.asked.includes(witness), `the signature of the witness ${witness.label} is wrong`);
          wrong.add(witness);
          continue;
        }
        signed.add(witness);
        r.witnesses.push({ name: witness.label, time: new Date(Number(time) * 1000).toISOString().replace(".000Z", "Z") });
      }
      const who = r.witnesses.map((w) => w.name).join(", ");
      if (r.trust.quorum === "none") return { note: who ? `seen by ${who}; the trust policy asks for none` : "the trust policy asks for none" };
      need(met(r.trust, r.trust.quorum, signed), `not enough trusted witnesses signed (${who || "none"}); the trust policy asks for “${r.trust.quorum}”`);
      return `seen by ${who}`;
    });

    await step("seals", "Open the seals of the disclosed values", async () => {
      after(r.receipt, r.id);
      r.sealed = sealsOf(r.receipt.statement);
      const seen = new Set(), erased = new Set(), faults = [];
      for (const d of r.receipt.disclosed ?? []) {
        need(r.sealed.includes(d.pointer) && !seen.has(d.pointer), `nothing is sealed at ${d.pointer}, or it is opened twice`);
        seen.add(d.pointer);
        const want = from64url(at(r.receipt.statement, d.pointer).seal, 32);
        if (d.value !== undefined && same(await sealOf(r.id, d.pointer, from64url(d.salt, 16), d.value), want)) r.opened.add(d.pointer);
        else faults.push(d.pointer);
      }
      need(faults.length === 0, `what is shown at ${faults.join(", ")} is not what was sealed`);
      for (const e of r.receipt.erased ?? []) {
        need(r.sealed.includes(e.pointer) && !seen.has(e.pointer) && !erased.has(e.pointer), `${e.pointer} is said to be erased, but nothing is sealed there, or it is disclosed or erased already`);
        need(typeof e.tombstone === "string" && isID(e.tombstone), `${e.pointer} is said to be erased, but the tombstone is not the id of a record`);
        erased.add(e.pointer);
      }
      const rest = r.sealed.length - seen.size - erased.size;
      const said = `${r.opened.size} opened, ${rest} withheld${erased.size ? `, ${erased.size} said to be erased` : ""}`;
      return r.opened.size ? said : { note: said };
    });

    await step("stamp", "Look at the time stamp", async () => {
      after(r.receipt, r.note);
      if (!r.receipt.timestamp) return { note: "this receipt carries none" };
      r.stamp = stampOf(from64(r.receipt.timestamp));
      const sum = await crypto.subtle.digest(r.stamp.hash, utf8(r.note.text));
      need(same(r.stamp.digest, new Uint8Array(sum)), "the time stamp is of another checkpoint");
      return { note: "names this checkpoint; its own signature is checked by counterfoil-verify, not here" };
    });

    r.valid = r.steps.every((s) => s.state !== "fail");
    return r;
  }

  return { verify, missing };
})();
