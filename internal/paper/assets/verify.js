// SPDX-License-Identifier: Apache-2.0
//
// verify.js judges a Counterfoil receipt with nothing but the browser's own
// SHA-256 and Ed25519. It shares no code with the program that wrote the
// receipt: it was written from the format alone, so that the two can be held
// against each other. It touches neither the page nor the network.
//
//   counterfoil.verify(receiptText, trustText) → { valid, steps, … }
//
// Each step throws as soon as something is wrong; a step that threw is a cross,
// and one cross makes the receipt invalid.
"use strict";
const counterfoil = (() => {
  const utf8 = (s) => new TextEncoder().encode(s);
  const sha256 = async (b) => new Uint8Array(await crypto.subtle.digest("SHA-256", b));
  const join = (...parts) => new Uint8Array(parts.flatMap((p) => Array.from(p)));
  const hex = (b) => Array.from(b, (x) => x.toString(16).padStart(2, "0")).join("");
  const same = (a, b) => a.length === b.length && a.every((x, i) => x === b[i]);
  const need = (ok, fault) => { if (!ok) throw new Error(fault); };
  const u32 = (n) => [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255];
  const isObject = (v) => v !== null && typeof v === "object" && !Array.isArray(v);
  const number = (s) => { need(/^(0|[1-9]\d{0,18})$/.test(s), `${s} is not a whole number`); return BigInt(s); };

  // ---- text encodings ------------------------------------------------------
  const to64 = (b) => btoa(Array.from(b, (x) => String.fromCharCode(x)).join(""));
  const to64url = (b) => to64(b).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  function from64(s) {
    let b = [];
    try { b = Uint8Array.from(atob(s), (c) => c.charCodeAt(0)); } catch { /* the next line says so */ }
    need(to64(b) === s, `“${String(s).slice(0, 60)}” is not base64`);
    return b;
  }
  function from64url(s, size) {
    need(typeof s === "string", "a salt or seal is not text");
    const b = from64(s.replaceAll("-", "+").replaceAll("_", "/") + "=".repeat((4 - (s.length % 4)) % 4));
    need(b.length === size && to64url(b) === s, `“${s.slice(0, 60)}” is not ${size} bytes of base64url`);
    return b;
  }

  // ---- JSON ----------------------------------------------------------------
  // JSON.parse keeps the last of two equal names, rounds long numbers and lets
  // half surrogate pairs pass. Each of them could show a reader something else
  // than another program reads, so they are refused first.
  function parseStrict(text) {
    const value = JSON.parse(text);
    const open = []; // a Set of names for each open object, null for each open list
    for (let i = 0; i < text.length; i++) {
      const c = text[i];
      if (c === '"') {
        const start = i++;
        while (text[i] !== '"') i += text[i] === "\\" ? 2 : 1;
        const string = JSON.parse(text.slice(start, i + 1));
        need(string.isWellFormed(), "half a surrogate pair in a string");
        let next = i + 1;
        while (/[ \t\r\n]/.test(text[next] ?? "")) next++;
        if (text[next] !== ":") continue;
        const names = open.at(-1);
        need(!names.has(string), `the name “${string}” stands twice in one object`);
        names.add(string);
      } else if (c === "{" || c === "[") {
        open.push(c === "{" ? new Set() : null);
      } else if (c === "}" || c === "]") {
        open.pop();
      } else if (/[-0-9]/.test(c)) {
        const [token] = /^[-+.\deE]+/.exec(text.slice(i, i + 400));
        need(decimal(token) === decimal(String(Number(token))), `the number ${token.slice(0, 40)} is no exact double`);
        i += token.length - 1;
      }
    }
    return value;
  }
  // decimal writes equal numbers equally: digits without outer zeros, and a power of ten.
  function decimal(token) {
    const [, sign, whole, fraction = "", power = "0"] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([-+]?\d+))?$/.exec(token) ?? [];
    const digits = (whole + fraction).replace(/^0+/, "");
    const short = digits.replace(/0+$/, "");
    return short === "" ? "0" : `${sign}${short}e${Number(power) - fraction.length + digits.length - short.length}`;
  }
  // canonical is RFC 8785: sorted by UTF-16 code units, the rest as JSON.stringify writes it.
  function canonical(v) {
    if (Array.isArray(v)) return `[${v.map(canonical).join(",")}]`;
    if (!isObject(v)) return JSON.stringify(v);
    return `{${Object.keys(v).sort().map((k) => `${JSON.stringify(k)}:${canonical(v[k])}`).join(",")}}`;
  }
  // at follows a JSON Pointer (RFC 6901); undefined when nothing is there.
  function at(v, pointer) {
    if (pointer === "") return v;
    if (typeof pointer !== "string" || pointer[0] !== "/") return undefined;
    for (const part of pointer.slice(1).split("/")) {
      const name = part.replaceAll("~1", "/").replaceAll("~0", "~");
      if (v === null || typeof v !== "object" || !Object.hasOwn(v, name) || (Array.isArray(v) && !/^\d+$/.test(name))) return undefined;
      v = v[name];
    }
    return v;
  }
  const isSeal = (v) => isObject(v) && Object.keys(v).length === 1 && typeof v.seal === "string" && /^[\w-]{43}$/.test(v.seal);
  function sealsOf(v, pointer = "", found = []) {
    if (isSeal(v)) found.push(pointer);
    else if (v !== null && typeof v === "object") {
      for (const k of Object.keys(v)) sealsOf(v[k], `${pointer}/${k.replaceAll("~", "~0").replaceAll("/", "~1")}`, found);
    }
    return found;
  }

  // ---- the formats of the log ------------------------------------------------
  function parseProof(text) {
    const cut = text.indexOf("\n\n");
    const lines = text.slice(0, cut).split("\n");
    need(cut > 0 && lines[0] === "c2sp.org/tlog-proof@v1", "the proof is not a c2sp.org/tlog-proof@v1");
    need(lines[1]?.startsWith("index "), "the proof does not say the index");
    const path = lines.slice(2).map(from64);
    need(path.length < 64 && path.every((h) => h.length === 32), "the path is not made of hashes of 32 bytes");
    return { index: number(lines[1].slice(6)), path, note: parseNote(text.slice(cut + 2)) };
  }
  function parseNote(note) {
    const cut = note.lastIndexOf("\n\n");
    need(cut > 0 && note.endsWith("\n") && !/[\x00-\x09\x0b-\x1f]/.test(note), "the checkpoint is not a signed note");
    const text = note.slice(0, cut + 1);
    const signatures = note.slice(cut + 2).trimEnd().split("\n").map((line) => {
      const [, name, base64] = /^— ([^\s+]+) (\S+)$/.exec(line) ?? [];
      need(name, "a signature line of the checkpoint is malformed");
      const bytes = from64(base64);
      need(bytes.length > 4, "a signature of the checkpoint is too short");
      return { name, hash: hex(bytes.subarray(0, 4)), bytes: bytes.subarray(4) };
    });
    const [origin, size, root, ...rest] = text.split("\n");
    need(origin && rest.at(-1) === "" && rest.indexOf("") === rest.length - 1, "the checkpoint has not its three lines");
    const rootHash = from64(root);
    need(rootHash.length === 32, "the root of the checkpoint is not 32 bytes long");
    return { text, raw: note, signatures, origin, size: number(size), root: rootHash };
  }

  // parseKey reads a signed-note verifier key, NAME+HASH+BASE64, whose hash has to fit.
  async function parseKey(vkey, algorithm) {
    const [, name, hash, base64] = /^([^\s+]+)\+([0-9a-f]{8})\+(.+)$/i.exec(vkey) ?? [];
    need(name, `“${String(vkey).slice(0, 80)}” is not a verifier key`);
    const bytes = from64(base64);
    need(bytes[0] === algorithm && bytes.length === 33, `the key of ${name} is not an Ed25519 key of the expected kind`);
    need(hex((await sha256(join(utf8(`${name}\n`), bytes))).subarray(0, 4)) === hash.toLowerCase(), `the key hash of ${name} does not fit its key`);
    const key = await crypto.subtle.importKey("raw", bytes.subarray(1), "Ed25519", false, ["verify"]);
    return { name, hash: hash.toLowerCase(), vkey, key, fingerprint: hex(await sha256(utf8(vkey))) };
  }
  const ed25519 = (key, signature, message) =>
    signature.length === 64 && crypto.subtle.verify("Ed25519", key.key, signature, message);

  // parseTrust reads a trust policy: log, witness, group and quorum lines;
  // certificates of time-stamp authorities may follow and are not used here.
  async function parseTrust(text) {
    const trust = { logs: [], witnesses: [], parts: new Map(), quorum: "" };
    for (const line of text.split("-----BEGIN ")[0].split("\n")) {
      const [word, name, ...rest] = line.split("#")[0].trim().split(/\s+/);
      if (!word) continue;
      need(name && !(word !== "log" && word !== "quorum" && trust.parts.has(name)), `the trust line “${line.slice(0, 80)}” is malformed`);
      if (word === "log") trust.logs.push(await parseKey(name, 1));
      else if (word === "witness") {
        const witness = { ...(await parseKey(rest[0], 4)), label: name };
        trust.witnesses.push(witness);
        trust.parts.set(name, { witness });
      } else if (word === "group") {
        const [count, ...members] = rest;
        const n = count === "any" ? 1 : count === "all" ? members.length : Number(count);
        need(Number.isInteger(n) && n >= 1 && n <= members.length && members.every((m) => trust.parts.has(m)), `the group ${name} is malformed`);
        trust.parts.set(name, { n, members });
      } else if (word === "quorum") {
        need(!trust.quorum, "two quorum lines");
        trust.quorum = name;
      } else throw new Error(`the trust policy has an unknown word, “${word.slice(0, 40)}”`);
    }
    need(trust.logs.length > 0, "the trust policy names no log");
    need(trust.quorum === "none" || trust.parts.has(trust.quorum), "the trust policy has no quorum line that fits");
    trust.asked = trust.quorum === "none" ? [] : membersOf(trust, trust.quorum);
    need(new Set(trust.asked).size === trust.asked.length, "a witness stands in two groups of the trust policy");
    return trust;
  }
  const membersOf = (trust, name) => {
    const part = trust.parts.get(name);
    return part.witness ? [part.witness] : part.members.flatMap((m) => membersOf(trust, m));
  };
  // met says whether a witness or a group of the policy is satisfied by those who signed.
  function met(trust, name, signed) {
    const part = trust.parts.get(name);
    return part.witness ? signed.has(part.witness) : part.members.filter((m) => met(trust, m, signed)).length >= part.n;
  }

  // rootOf walks from a leaf to the root (RFC 9162 §2.1.3.2) and keeps every node it passes.
  async function rootOf(leaf, index, size, path) {
    need(index < size, `index ${index} lies outside a tree of ${size}`);
    const nodes = [{ hash: leaf }];
    let here = leaf, n = index, last = size - 1n;
    for (const sibling of path) {
      need(last > 0n, "the path is longer than the tree is high");
      const left = n % 2n === 1n || n === last; // the sibling stands on our left
      if (left) while (n % 2n === 0n && n > 0n) { n /= 2n; last /= 2n; }
      here = await sha256(left ? join([1], sibling, here) : join([1], here, sibling));
      nodes.push({ hash: here, sibling, left });
      n /= 2n;
      last /= 2n;
    }
    need(last === 0n, "the path ends before the root");
    return nodes;
  }

  // sealOf commits to one private value: length-prefixed, with its own salt.
  const sealOf = (id, pointer, salt, value) => {
    const parts = [id, pointer, canonical(value)].map(utf8).map((b) => join(u32(b.length), b));
    return sha256(join(utf8("counterfoil/seal/v1\0"), salt, ...parts));
  };

  // stampOf finds in an RFC 3161 token what was stamped and when. It does not check the authority's signature.
  function stampOf(token) {
    const read = (from) => {
      let size = token[from + 1], start = from + 2;
      if (size > 127) for (let k = size - 128, j = (size = 0); j < k; j++) size = size * 256 + token[start++];
      need(start + size <= token.length, "the time stamp is cut off");
      return { start, end: start + size, tag: token[from] };
    };
    const inside = ({ start, end }) => { const all = []; while (start < end) { all.push(read(start)); start = all.at(-1).end; } return all; };
    const walk = (...steps) => steps.reduce((node, i) => { const c = inside(node)[i]; need(c, "the time stamp is malformed"); return c; }, read(0));
    const info = walk(1, 0, 2, 1, 0, 0);
    const [, , imprint, , time] = inside(info);
    const [algorithm, digest] = inside(imprint);
    const [, which] = /^060960864801650304020([123])/.exec(hex(token.subarray(algorithm.start, algorithm.end))) ?? [];
    need(which, "the time stamp is not over a SHA-2 hash");
    const text = String.fromCharCode(...token.subarray(time.start, time.end));
    const t = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.\d+)?Z$/.exec(text);
    need(t, "the time stamp has no readable time");
    return { hash: ["SHA-256", "SHA-384", "SHA-512"][which - 1], digest: token.slice(digest.start, digest.end), time: `${t[1]}-${t[2]}-${t[3]}T${t[4]}:${t[5]}:${t[6]}Z` };
  }

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
      need(typeof s.id === "string" && /^[A-Za-z0-9][A-Za-z0-9._:~-]{0,127}$/.test(s.id), "the statement has no proper record id");
      need(["type", "time", "recorded", "principal", "capture"].every((k) => typeof s[k] === "string" || isSeal(s[k])), "the statement lacks what every statement has");
      need(bytes.length <= 65535, "the statement is longer than 65,535 bytes");
      r.id = s.id;
      r.leaf = await sha256(join([0], bytes));
      return `${bytes.length} bytes in canonical form, ${to64(r.leaf).slice(0, 8)}…${to64(r.leaf).slice(-6)}`;
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
        need(r.sealed.includes(e.pointer) && !seen.has(e.pointer), `${e.pointer} is said to be erased, but nothing is sealed there, or it is disclosed`);
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

  return { verify, missing, parseStrict, canonical, at, isSeal, to64, hex };
})();
