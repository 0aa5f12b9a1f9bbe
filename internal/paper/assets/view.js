// SPDX-License-Identifier: Apache-2.0
//
// view.js turns a receipt into what a person reads: a title, a sentence or two,
// and sections of labelled values. view.go does the same without JavaScript,
// from the same table of words; a test holds the two against each other.
// Recorded text is hostile: it only ever becomes a text node, and characters
// that do not show, or that turn the text around, become visible badges.
"use strict";
const paper = (words) => {
  const { at, canonical, isSeal } = formats;
  const order = new Map(words.labels.map(([pattern], i) => [pattern, i]));
  const label = new Map(words.labels);
  const hidden = words.hidden.map((range) => range.split("-").map((x) => parseInt(x, 16)));
  const controls = words.controls.split(" ");
  const months = "January February March April May June July August September October November December".split(" ");
  const isBranch = (v) => v !== null && typeof v === "object" && !isSeal(v);
  const isLeaf = (v) => v === null || typeof v !== "object";
  const own = (table, name) => (table && Object.hasOwn(table, name) ? table[name] : undefined);

  // ---- words -----------------------------------------------------------------
  function moment(s, between, fractions) {
    const [, year, month, day, time, fraction = "", zone] = /^(\d{4})-(\d\d)-(\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?(Z|[-+]\d\d:\d\d)$/.exec(s) ?? [];
    const name = months[Number(month) - 1];
    if (!name) return s;
    return `${Number(day)} ${name} ${year}${between}${time}${fractions ? fraction : ""} UTC${zone === "Z" ? "" : zone}`;
  }
  function say(pattern, v) {
    if (v === true || v === false) return v ? "Yes" : "No";
    if (typeof v !== "string") return canonical(v);
    return own(own(words.values, pattern), v) ?? moment(v, ", ", true);
  }
  // plain writes any JSON value as indented text.
  function plain(v, indent) {
    const name = (k) => (/^[\w.@:\/ -]+$/.test(k) ? k : JSON.stringify(k));
    const isShort = (x) => isLeaf(x) || Object.keys(x).length === 0;
    const short = (x) => (typeof x === "string" ? x.replaceAll("\n", `\n${indent}  `) : canonical(x));
    if (isShort(v)) return typeof v === "string" ? v : canonical(v);
    if (Array.isArray(v)) return v.map((x) => `${indent}- ${isShort(x) ? short(x) : plain(x, `${indent}  `).slice(indent.length + 2)}`).join("\n");
    return Object.keys(v).sort().map((k) => `${indent}${name(k)}:${isShort(v[k]) ? ` ${short(v[k])}` : `\n${plain(v[k], `${indent}  `)}`}`).join("\n");
  }
  const thousands = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ",");

  // clip keeps the first characters of a long text and counts the rest.
  function clip(s) {
    if (s.length <= words.longest) return { text: s, more: "" };
    const all = Array.from(s);
    const rest = all.length - words.longest;
    return rest <= 0 ? { text: s, more: "" } : { text: all.slice(0, words.longest).join(""), more: thousands(rest) };
  }
  // runs cuts a text into what shows and badges for what does not.
  function runs(s) {
    const out = [], all = Array.from(s);
    let from = 0;
    all.forEach((c, i) => {
      const n = c.codePointAt(0);
      if ((n > 31 && n < 127) || !hidden.some(([lo, hi]) => lo <= n && n <= hi)) return;
      const joiner = (n === 0x200c || n === 0x200d) && all[i - 1]?.codePointAt(0) > 127 && all[i + 1]?.codePointAt(0) > 127;
      if (joiner) return; // joins letters of one script, or the parts of one emoji
      if (i > from) out.push({ text: all.slice(from, i).join("") });
      out.push({ badge: n < 32 ? controls[n] : n === 127 ? "DEL" : `U+${n.toString(16).toUpperCase().padStart(4, "0")}` });
      from = i + 1;
    });
    if (from < all.length) out.push({ text: all.slice(from).join("") });
    return out;
  }

  // legend explains the glyph of private values, and counts them.
  function legend({ disclosed, withheld, erased }) {
    const all = disclosed + withheld + erased;
    if (all === 0) return "";
    const parts = [[disclosed, "disclosed here"], [withheld, "withheld"], [erased, "erased, says the issuer"]];
    return `${all} private value${all === 1 ? "" : "s"}: ${parts.filter(([n]) => n > 0).map(([n, what]) => `${n} ${what}`).join(", ")}. The log holds only their seals.`;
  }

  // ---- from a receipt to sections ----------------------------------------------
  function view(receipt, checked) {
    const s = receipt.statement;
    const opened = new Map((receipt.disclosed ?? []).map((d) => [d.pointer, d.value]));
    const erased = new Map((receipt.erased ?? []).map((e) => [e.pointer, e.tombstone]));
    const open = (pointer) => { const v = at(s, pointer); return v === undefined || !isLeaf(v) ? undefined : v; };

    const count = { disclosed: 0, withheld: 0, erased: 0 };
    function row(v, pointer, pattern, suffix = "") {
      const name = pointer.slice(pointer.lastIndexOf("/") + 1).replaceAll("~1", "/").replaceAll("~0", "~");
      const r = { label: clip((label.get(pattern) ?? name) + suffix).text, rank: order.get(pattern) ?? order.size, state: "public", text: "", more: "", tone: "" };
      if (isSeal(v)) {
        r.seal = v.seal;
        r.state = opened.has(pointer) ? "disclosed" : erased.has(pointer) ? "erased" : "withheld";
        if (r.state === "erased") r.tombstone = clip(String(erased.get(pointer) ?? "")).text;
        if (r.state === "disclosed") Object.assign(r, clip(plain(opened.get(pointer), "")), { broken: !checked.has(pointer) });
      } else {
        Object.assign(r, clip(Array.isArray(v) ? v.map((x) => say(pattern, x)).join(", ") || "none" : say(pattern, v)));
        r.tone = own(own(words.tones, pattern), v) ?? "";
      }
      r.mono = words.mono.includes(pattern);
      r.wide = r.text.includes("\n") || Array.from(r.text.slice(0, 80)).length > 36;
      if (r.seal) count[r.state]++;
      return r;
    }
    // gather collects the rows of v; objects in lists become items of their own.
    function gather(v, pointer, pattern, rows, items, skip = []) {
      if (!isBranch(v)) return void rows.push(row(v, pointer, pattern));
      if (!Array.isArray(v)) {
        for (const k of Object.keys(v).sort()) {
          if (skip.includes(k)) continue;
          const part = `/${k.replaceAll("~", "~0").replaceAll("/", "~1")}`;
          gather(v[k], pointer + part, pattern + part, rows, items);
        }
        return;
      }
      if (v.every(isLeaf)) return void rows.push(row(v, pointer, pattern));
      v.forEach((x, i) => {
        if (!isBranch(x) || Array.isArray(x) || !items) {
          if (isBranch(x)) gather(x, `${pointer}/${i}`, `${pattern}/*`, rows, null);
          else rows.push(row(x, `${pointer}/${i}`, pattern, ` ${i + 1}`));
          return;
        }
        const named = (own(words.items, pattern) ?? []).filter((k) => typeof own(x, k) === "string");
        const item = { title: named.map((k) => say(`${pattern}/*/${k}`, x[k])).join(" · ") || String(i + 1), rows: [] };
        gather(x, `${pointer}/${i}`, `${pattern}/*`, item.rows, null, named);
        item.rows.sort((a, b) => a.rank - b.rank);
        items.push(item);
      });
    }
    function section(title, pointers) {
      const out = { title, rows: [], items: [] };
      for (const p of pointers) if (at(s, p) !== undefined) gather(at(s, p), p, p, out.rows, out.items);
      out.rows.sort((a, b) => a.rank - b.rank);
      return out;
    }
    const known = new Set(words.sections.flatMap((x) => x.at));
    const rest = Object.keys(s).sort().map((k) => `/${k.replaceAll("~", "~0").replaceAll("/", "~1")}`).filter((p) => !known.has(p));
    const sections = [...words.sections.map((x) => section(x.title, x.at)), section(words.rest, rest)];

    const pick = (group) => group.map(open).find((v) => v !== undefined);
    const titles = (own(words.titles, s.type) ?? []).map(pick).filter((v) => v !== undefined).map((v) => (typeof v === "string" ? v : canonical(v)).replaceAll("_", " "));
    const title = titles.join(": ").replace(/\bai\b/g, "AI");
    const lead = words.lead.map(({ at: pointer, words: by }) => {
      const sentence = own(by, String(open(pointer)));
      const wanted = sentence?.match(/\{[^}]+\}/g)?.map((x) => open(x.slice(1, -1))) ?? [];
      return !sentence || wanted.includes(undefined) ? "" : sentence.replace(/\{([^}]+)\}/g, (_, p) => moment(String(open(p)), " at ", false));
    });
    const type = typeof s.type === "string" ? s.type : "";
    const typeName = own(words.types, type) ?? type;
    return {
      kicker: clip(title ? typeName : "Record").text,
      title: clip(title.replace(/^[a-z]/, (c) => c.toUpperCase()) || typeName).text,
      lead: clip(lead.filter((x) => x).join(" ")).text,
      legend: legend(count),
      sections: sections.filter((x) => x.rows.length + x.items.length > 0),
    };
  }

  // ---- from sections to elements -------------------------------------------------
  const SVG = "http://www.w3.org/2000/svg";
  function el(tag, attributes = {}, ...children) {
    const e = document.createElement(tag);
    for (const [k, v] of Object.entries(attributes)) if (v !== "") e.setAttribute(k, v);
    e.append(...children);
    return e;
  }
  function svg(tag, attributes = {}, ...children) {
    const e = document.createElementNS(SVG, tag);
    for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
    e.append(...children);
    return e;
  }
  const shown = (s) => runs(s).map((r) => (r.badge ? el("span", { class: "ctl" }, r.badge) : r.text));
  const text = (s) => el("bdi", { dir: "auto" }, ...shown(s));
  const cut = (s) => el("code", { class: "cut", title: s }, s.length > 20 ? `${s.slice(0, 8)}…${s.slice(-6)}` : s);
  const glyph = () => svg("svg", { class: "glyph", role: "img", "aria-label": "private" }, svg("use", { href: "#seal" }));

  function drawRow(r) {
    const dd = el("dd");
    if (r.state === "public" || r.state === "disclosed") dd.append(text(r.text));
    if (r.more) dd.append(el("span", { class: "more" }, `… and ${r.more} more characters. The whole text is in the receipt.`));
    if (r.state === "withheld") dd.append("withheld ", cut(r.seal));
    if (r.state === "erased") dd.append("erased, says the issuer; see record ", text(r.tombstone));
    const dt = el("dt", {}, ...shown(r.label), ...(r.seal ? [glyph()] : []));
    return el("div", { class: `row ${r.state}${r.mono ? " mono" : ""}${r.wide ? " wide" : ""}${r.tone ? ` ${r.tone}` : ""}${r.broken ? " broken" : ""}` }, dt, dd);
  }
  function draw(v) {
    const list = (rows) => (rows.length ? [el("dl", {}, ...rows.map(drawRow))] : []);
    const sections = v.sections.map((s) => el("section", {}, el("h2", {}, s.title), ...list(s.rows),
      ...s.items.map((i) => el("div", { class: "item" }, el("h3", {}, text(i.title)), ...list(i.rows)))));
    const head = [el("p", { class: "kicker" }, ...shown(v.kicker)), el("h1", {}, text(v.title)), el("p", { class: "lead" }, text(v.lead)),
      ...(v.legend ? [el("p", { class: "legend" }, glyph(), v.legend)] : [])];
    return [el("div", { class: "top" }, ...head, ...sections.slice(0, 2)), el("div", { class: "rest" }, ...sections.slice(2))];
  }
  // escaped is a JSON text in which what does not show is written as an escape: the same document.
  const escaped = (json) => Array.from(json, (c) => (c === "\n" || !runs(c)[0]?.badge ? c : c.split("").map((u) => `\\u${u.charCodeAt(0).toString(16).padStart(4, "0")}`).join(""))).join("");
  return { view, draw, moment, el, svg, shown, text, cut, escaped };
};
