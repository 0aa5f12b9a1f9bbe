// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// Names of the four systems and of the capture points.
const (
	aria   = "aria"
	router = "priority-router"
	fraud  = "fraud-score"
	drafts = "draft-assist"

	registrySource = "registry"
	monitorSource  = "monitor"
	deskSource     = "desk-eu-1"
	noticeSource   = "notifier"
)

// aiSources are the capture points of the four systems.
func aiSources() []string {
	return []string{"aria-chat-1", "aria-chat-2", "aria-voice-1", "router-1", "router-2", "fraud-eu-1", "drafts-1"}
}

// release is one version in the register: the day and hour it went into
// production, in days from the start.
type release struct {
	kind, name, version string
	day, hour           int
	content             string
}

func (r release) ref() string { return r.name + "@" + r.version }

// releases is the register's history. An entry that stands a second time is a
// rollback to it.
func releases() []release {
	return []release{
		{"model", "gpt-4o", "2024-08-06", 0, 6, "provider: azure-openai\nmodel: gpt-4o-2024-08-06\nregion: swedencentral\ndata: not kept by the provider\n"},
		{"model", "gpt-4o-mini", "2024-07-18", 0, 6, "provider: azure-openai\nmodel: gpt-4o-mini-2024-07-18\nregion: swedencentral\n"},
		{"model", "fraud-score", "3.2.1", 0, 6, "gradient boosting, 412 trees, trained on refund claims 2023-01 to 2025-06; AUC 0.89\n"},
		{"model", "priority-router", "1.9.0", 0, 6, "multinomial classifier, 9 queues, trained on contacts 2024-01 to 2025-09\n"},
		{"prompt", "aria-system", "12", 0, 7, "You are aria, the virtual agent of Nordlicht Home. Say that you are an AI when you are asked. Never promise a refund.\n"},
		{"prompt", "reply-draft", "7", 0, 7, "Draft a reply to the customer's email in their language. Stay with the facts of the order. A person will send it.\n"},
		{"policy", "returns", "5", 0, 7, "Returns within 30 days. Damage on delivery: 14 days, with a photo.\n"},
		{"policy", "contact", "3", 0, 7, "Whoever asks for a person gets one.\n"},
		{"config", "aria-eu", "41", 0, 8, "temperature: 0.2\nmax_tokens: 400\ntools: [get_order, track_parcel, change_address, cancel_order, request_refund, handover]\n"},
		{"config", "refunds-eu", "8", 0, 8, "approve_below: 0.45\ndeny_above: 0.80\nsecond_person_over: 500\n"},
		{"config", "routing-eu", "15", 0, 8, "queues: 9\nvip_first: true\n"},
		{"config", "drafts-eu", "6", 0, 8, "temperature: 0.4\nmax_tokens: 600\n"},
		{"control", "pii-in-reply", "3", 0, 8, "deny when a reply holds a card number, a password or another customer's data\n"},
		{"control", "tone-check", "2", 0, 8, "fail when the reply argues with the customer\n"},
		{"control", "adverse-needs-reason", "1", 0, 8, "fail when an adverse decision has neither reason nor factor\n"},
		{"control", "ai-marking", "1", 0, 8, "fail when a message made by AI is not marked\n"},
		{"prompt", "aria-system", "13", 11, 9, "As 12; shorter answers; offers the delivery photo when a customer disputes a delivery.\n"},
		{"policy", "returns", "6", 14, 9, "Returns within 30 days. Damage on delivery: 14 days, with a photo. Disputed deliveries are checked against the carrier's photo.\n"},
		{"model", "fraud-score", "3.3.0", 16, 10, "gradient boosting, 436 trees, trained on refund claims 2023-07 to 2025-12; AUC 0.91; less weight on the postcode\n"},
		{"prompt", "aria-system", "12", 19, 16, "You are aria, the virtual agent of Nordlicht Home. Say that you are an AI when you are asked. Never promise a refund.\n"},
		{"prompt", "aria-system", "14", 21, 9, "As 13, without the sentence that made aria name waiting times.\n"},
		{"prompt", "reply-draft", "8", 23, 9, "As 7; quotes the customer's question first; no exclamation marks.\n"},
	}
}

// inForce is the version of name in production at a time, as name@version.
func (g *generator) inForce(name string, at time.Time) string {
	ref := ""
	for _, r := range g.library.releases {
		if r.name == name && !g.at(r.day, r.hour, 0).After(at) {
			ref = r.ref()
		}
	}
	if ref == "" { // before the register opened on the first day
		for _, r := range g.library.releases {
			if r.name == name {
				return r.ref()
			}
		}
	}
	return ref
}

// versions is the versions member for the parts of a system.
func (g *generator) versions(at time.Time, model, prompt, config string, policies, controls []string) obj {
	v := obj{"config": g.inForce(config, at)}
	if model != "" {
		v["model"] = g.inForce(model, at)
	}
	if prompt != "" {
		v["prompt"] = g.inForce(prompt, at)
	}
	var ps, cs []string
	for _, p := range policies {
		ps = append(ps, g.inForce(p, at))
	}
	for _, c := range controls {
		cs = append(cs, g.inForce(c, at))
	}
	v["policy"], v["control"] = ps, cs
	return v
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// registerAll writes the register: the systems on the first morning, then one
// act for each version that goes into production.
func (g *generator) registerAll() {
	risks := map[string]string{aria: "limited", router: "minimal", fraud: "high", drafts: "limited"}
	for i, s := range []string{aria, router, fraud, drafts} {
		g.add("registry", g.at(0, 0, 5).Add(time.Duration(i)*time.Minute), registrySource, obj{"system": s, "registry": obj{
			"act": "register", "kind": "system", "name": s, "environment": "production", "actor": "owner-" + s, "approver": "ai-office-1", "risk": risks[s], "status": "in_use",
			"owner": obj{"business": "Head of Customer Care", "technical": "Platform team " + s},
			"content": obj{"purpose": map[string]string{aria: "answers customers by chat and phone", router: "puts contacts into the right queue",
				fraud: "decides on refund claims or refers them to a person", drafts: "drafts email replies that people send"}[s], "jurisdictions": []string{"GB", "IE", "DE", "AT"}}}})
	}
	seen := map[string]bool{}
	for i, r := range g.library.releases {
		act, why := "promote", "planned change"
		if seen[r.ref()] {
			act, why = "rollback", "aria named waiting times that were wrong; back to the version before"
		}
		seen[r.ref()] = true
		at := g.at(r.day, r.hour, 0).Add(time.Duration(i%7)*time.Minute - 10*time.Minute)
		if r.day == 0 {
			at = g.at(0, 0, 20).Add(time.Duration(i) * time.Minute)
		}
		g.add("registry", at, registrySource, obj{"registry": obj{"act": act, "kind": r.kind, "name": r.name, "version": r.version, "digest": digest(r.content),
			"environment": "production", "actor": pick(g, []string{"author-2", "author-5", "author-9"}), "approver": pick(g, []string{"approver-1", "approver-4"}),
			"status": "approved", "content": r.content, "reason": why}})
	}
}
