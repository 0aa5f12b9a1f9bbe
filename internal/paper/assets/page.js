// SPDX-License-Identifier: Apache-2.0
//
// page.js runs the check on what the page carries, or on what a person drops on
// it, and writes down what came out. It judges nothing itself.
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const carried = (id) => JSON.parse($(id).textContent);
  const { view, draw, moment, el, svg, shown, text, cut, escaped } = paper(carried("words"));
  const now = { receipt: carried("receipt"), trust: carried("trust"), ownReceipt: "", ownTrust: "" };
  const squeeze = (node) => node.textContent.replace(/\s+/g, "");
  const utc = (t) => moment(t, ", ", false);

  function verdict(state, title, detail) {
    $("verdict").dataset.state = $("chip").dataset.state = state;
    $("chip").textContent = title;
    $("v-title").textContent = title;
    $("v-detail").replaceChildren(text(detail));
    $("printed").textContent = `Printed from a page that came to this verdict on ${moment(new Date().toISOString(), " at ", false)} by the clock of that machine. Paper does not check itself: check the file.`;
  }

  function drawSteps(steps) {
    const sign = { pass: "✓", fail: "✗", note: "–" };
    const spoken = { pass: "passed", fail: "failed", note: "note" };
    $("steps").replaceChildren(...steps.map((s) => el("li", { class: s.state, "data-step": s.name },
      el("span", { class: "sign", role: "img", "aria-label": spoken[s.state] }, sign[s.state]),
      el("span", { class: "what" }, s.title), el("span", { class: "detail" }, text(s.detail)))));
  }

  // drawTree draws the path as a ladder: this record at the foot, the root on top.
  function drawTree(nodes, valid) {
    const high = 44, width = 400, middle = 200, all = nodes.length;
    const y = (i) => 22 + (all - 1 - i) * high;
    const short = (h) => { const s = formats.to64(h); return `${s.slice(0, 6)}…${s.slice(-5, -1)}`; };
    const parts = [];
    nodes.forEach(({ hash, sibling, left }, i) => {
      if (i > 0) {
        const side = left ? -1 : 1, x = middle + side * 106;
        parts.push(svg("path", { class: "own", d: `M${middle} ${y(i - 1)}V${y(i)}` }),
          svg("path", { class: "given", d: `M${x - side * 46} ${y(i - 1)}L${middle} ${y(i)}` }),
          svg("rect", { class: "given", x: x - 46, y: y(i - 1) - 10, width: 92, height: 20, rx: 3 }),
          svg("text", { class: "given", x, y: y(i - 1) + 4, "text-anchor": "middle" }, svg("title", {}, formats.to64(sibling)), short(sibling)));
      }
    });
    nodes.forEach(({ hash, left }, i) => {
      const next = nodes[i + 1]; // the side that the next sibling leaves free
      const side = next ? (next.left ? 1 : -1) : 1;
      parts.push(svg("circle", { class: i === 0 || i === all - 1 ? "end" : "own", cx: middle, cy: y(i), r: i === 0 || i === all - 1 ? 6 : 4 }),
        svg("text", { class: i === 0 || i === all - 1 ? "end" : "own", x: middle + side * 14, y: y(i) + 4, "text-anchor": side > 0 ? "start" : "end" },
          svg("title", {}, formats.to64(hash)), i === 0 ? "this record" : i === all - 1 ? "root of the log" : short(hash)));
    });
    const picture = svg("svg", { viewBox: `0 0 ${width} ${22 * 2 + (all - 1) * high}`, role: "img", class: valid ? "ladder" : "ladder broken",
      "aria-label": `Path of ${all - 1} hashes from this record to the root` }, ...parts);
    const caption = all === 1 ? "This record is the only one in the log: its leaf hash is the root."
      : "Boxed hashes came with the receipt. The others were computed here, each from the two below it.";
    $("tree").replaceChildren(picture, el("figcaption", {}, caption));
  }

  function drawFacts(r) {
    document.title = `Receipt ${r.id ?? ""}`;
    for (const id of ["f-id", "f-leaf", "f-number", "f-place", "f-log", "f-origin", "f-root", "f-note", "f-witnesses", "f-stamp", "tree", "keys"]) $(id).replaceChildren("–");
    if (r.id) $("f-id").replaceChildren(text(r.id));
    if (r.leaf) $("f-leaf").replaceChildren(cut(formats.to64(r.leaf)));
    if (r.note) {
      $("f-number").textContent = String(r.index);
      $("f-place").textContent = `index ${r.index} of ${r.size} records, counted from 0`;
      for (const id of ["f-log", "f-origin"]) $(id).replaceChildren(text(r.origin));
      $("f-root").replaceChildren(cut(formats.to64(r.note.root)));
      $("f-note").replaceChildren(...shown(r.note.raw));
      $("f-witnesses").replaceChildren(...(r.witnesses.length ? r.witnesses.map((w) => el("span", { class: "line" }, text(w.name), `, ${utc(w.time)}`)) : ["none that this trust policy knows"]));
      $("f-stamp").replaceChildren(...(r.stamp ? [utc(r.stamp.time), " ", el("span", { class: "aside" }, "(the authority’s signature is not checked in this page)")] : ["none"]));
    }
    if (r.nodes) drawTree(r.nodes, r.steps.find((s) => s.name === "path").state === "pass");
    if (r.trust) {
      $("keys").replaceChildren(...r.trust.logs.flatMap((k) => [el("p", { class: "log" }, text(k.name)),
        el("code", { class: "print" }, ...k.fingerprint.match(/.{4}/g).flatMap((g) => [el("span", {}, g), " "]))]));
    }
    $("whose").textContent = now.ownTrust
      ? `This key stands in the trust file you loaded, ${now.ownTrust}.`
      : "This key came with the page. A page that checks itself could have been forged: compare the fingerprint with one that reached you another way, or use a trust file that did.";
    $("raw-receipt").textContent = now.receipt.length > 200000 ? `${escaped(now.receipt.slice(0, 200000))}\n… cut here; “Save as a file” keeps all of it` : escaped(now.receipt);
    $("raw-trust").replaceChildren(...shown(now.trust));
  }

  // drawRecord draws what the receipt says. For the receipt that the page was
  // made for, the words that stood there must be the same.
  function drawRecord(r) {
    if (!r.receipt) return $("record").replaceChildren(el("div", { class: "top" }, el("p", { class: "lead" }, "This file is not a receipt, so there is nothing to show.")));
    const fresh = el("article", { id: "record" }, ...draw(view(r.receipt, r.opened)));
    const told = squeeze($("record")) === squeeze(fresh);
    $("record").replaceWith(fresh);
    if (now.ownReceipt || now.compared) return;
    now.compared = true;
    now.pageFault = told ? "" : "this page did not say what its receipt says; it now shows the receipt";
  }

  let turn = 0;
  async function run() {
    const mine = ++turn;
    document.body.classList.add("live");
    verdict("busy", "Checking …", "");
    try {
      await judge(mine);
    } catch (e) {
      verdict("off", "Not checked", `The check itself broke off: ${e.message}.`);
    }
    if (mine === turn) $("verdict").dataset.run = mine;
  }
  async function judge(mine) {
    const lack = await counterfoil.missing();
    if (lack) return verdict("off", "Not checked", `This page can not verify the receipt here: ${lack}. Nothing on it was verified. Try another browser, or counterfoil-verify.`);
    const r = await counterfoil.verify(now.receipt, now.trust);
    if (mine !== turn) return;
    drawRecord(r);
    if (!now.ownReceipt && r.receipt) {
      r.steps.push({ name: "page", title: "Compare this page with the receipt", state: now.pageFault ? "fail" : "pass", detail: now.pageFault || "redrawn from the receipt, word for word" });
    }
    drawFacts(r);
    drawSteps(r.steps);
    const fault = r.steps.find((s) => s.state === "fail");
    const what = now.ownReceipt ? `${now.ownReceipt}: ` : "";
    if (fault) $("record").firstElementChild.prepend(el("p", { class: "warn" }, "This receipt is not valid. What stands here is not proven."));
    if (fault) verdict("bad", "NOT VALID", `${what}${fault.detail.charAt(0).toUpperCase()}${fault.detail.slice(1)}.`);
    else verdict("good", "Verified on this machine just now", `${what}Record no. ${r.index} of the log ${r.origin}, checked with ${now.ownTrust ? "your own trust file" : "the key below"}.`);
  }

  // ---- files -----------------------------------------------------------------
  async function take(file, kind) {
    let content = "";
    try {
      content = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(await file.arrayBuffer());
    } catch {
      return verdict("bad", "NOT VALID", `${file.name} is not a text file.`);
    }
    if ((kind ?? (content.trimStart().startsWith("{") ? "receipt" : "trust")) === "receipt") Object.assign(now, { receipt: content, ownReceipt: file.name });
    else Object.assign(now, { trust: content, ownTrust: file.name });
    await run();
  }
  function save(content, name, type) {
    const url = URL.createObjectURL(new Blob([content], { type }));
    el("a", { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
  }
  async function copy(button, content) {
    const label = button.textContent;
    try { await navigator.clipboard.writeText(content); button.textContent = "Copied"; } catch { button.textContent = "Copying is not allowed here"; }
    setTimeout(() => { button.textContent = label; }, 1500);
  }
  const recordName = () => { try { return `${JSON.parse(now.receipt).statement.id.replace(/[^\w.-]/g, "_")}.receipt.json`; } catch { return "counterfoil.receipt.json"; } };
  for (const [id, kind] of [["own-trust", "trust"], ["other-receipt", "receipt"]]) {
    $(id).addEventListener("change", (e) => { if (e.target.files[0]) take(e.target.files[0], kind); e.target.value = ""; });
  }
  $("save-receipt").addEventListener("click", () => save(now.receipt, recordName(), "application/json"));
  $("save-trust").addEventListener("click", () => save(now.trust, "counterfoil-trust.txt", "text/plain"));
  $("copy-receipt").addEventListener("click", (e) => copy(e.target, now.receipt));
  $("copy-trust").addEventListener("click", (e) => copy(e.target, now.trust));
  document.addEventListener("click", (e) => { const c = e.target.closest?.("code.cut"); if (c) copy(c, c.title); });
  document.addEventListener("dragover", (e) => { e.preventDefault(); document.body.classList.add("drop"); });
  document.addEventListener("dragleave", (e) => { if (!e.relatedTarget) document.body.classList.remove("drop"); });
  document.addEventListener("drop", (e) => {
    e.preventDefault();
    document.body.classList.remove("drop");
    if (e.dataTransfer.files[0]) take(e.dataTransfer.files[0]);
  });
  run();
})();
