// SPDX-License-Identifier: Apache-2.0
//
// formats.js reads the documents that a receipt is made of: JSON and its
// canonical form, C2SP proofs, signed notes and keys, trust policies, seals and
// RFC 3161 tokens. It uses the browser's SHA-256 and Ed25519 and nothing else;
// it was written from the formats, not from the program that writes receipts,
// so that the two can be held against each other.
//
// Every function throws as soon as something is not as its format says.
"use strict";
const formats = (() => {
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

  return { utf8, sha256, join, hex, same, need, isObject, to64, from64, from64url, parseStrict, canonical, at, isSeal, sealsOf,
    parseProof, ed25519, parseTrust, met, rootOf, sealOf, stampOf };
})();
