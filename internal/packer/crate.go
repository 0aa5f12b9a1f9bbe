// SPDX-License-Identifier: Apache-2.0

package packer

import (
	"encoding/json"
	"fmt"
	"time"
)

// crate describes the files as an RO-Crate 1.1: what they are, who asked for them
// and who approved.
func (m *making) crate() ([]byte, error) {
	type node = map[string]any
	ref := func(id string) node { return node{"@id": id} }
	files := []struct{ name, kind, about string }{
		{"report.html", "text/html", "the records for reading"},
		{"records.jsonl", "application/jsonl", "statements as they stand in the log, with their index"},
		{"disclosures.jsonl", "application/jsonl", "private values that are disclosed, with the salts that open their seals"},
		{"tombstones.jsonl", "application/jsonl", "private values that were erased, with the records that say so"},
		{"custody.jsonl", "application/jsonl", "who asked for this pack and who approved it"},
		{"selection.json", "application/json", "what was run over the leaves"},
		{"checkpoints/checkpoint", "text/plain", "size and root of the log, signed by it and by witnesses"},
		{"trust/policy.txt", "text/plain", "keys of the log and of its witnesses"},
		{"dictionary/fields.json", "application/json", "what each field means"},
		{"dictionary/record.schema.json", "application/schema+json", "JSON Schema of a record"},
		{"dictionary/profile.json", "application/json", "which private values were to be disclosed"},
		{"known-defects.md", "text/markdown", "what the pack can not show"},
	}
	if m.spec.Leaves {
		files = append(files, struct{ name, kind, about string }{"leaves.jsonl", "application/jsonl", "every leaf of the log up to its size"})
	}
	if m.snapshot.Token != nil {
		files = append(files, struct{ name, kind, about string }{"timestamps/checkpoint.tsr", "application/timestamp-reply", "RFC 3161 time stamp over the checkpoint"})
	}
	var parts []node
	graph := []node{}
	for _, f := range files {
		parts = append(parts, ref(f.name))
		graph = append(graph, node{"@id": f.name, "@type": "File", "encodingFormat": f.kind, "description": f.about})
	}
	agents := map[string]bool{}
	var acts []node
	for i, e := range m.entries {
		c, ok := m.custody[e.Index]
		if !ok {
			continue
		}
		if who := "#" + c.Actor; !agents[who] {
			agents[who] = true
			graph = append(graph, node{"@id": who, "@type": "Person", "identifier": c.Actor})
		}
		id := fmt.Sprintf("#act-%d", i)
		acts = append(acts, ref(id))
		graph = append(graph, node{"@id": id, "@type": "Action", "name": c.Act, "agent": ref("#" + c.Actor), "endTime": c.Recorded, "object": ref("./")})
	}
	root := node{"@id": "./", "@type": "Dataset", "name": "Evidence pack " + m.request.ID, "description": fmt.Sprintf("%d records of the log %s at size %d", m.claim.Records, m.cp.Origin, m.cp.Size),
		"datePublished": m.last.UTC().Format(time.DateOnly), "license": "for the purpose of the request only", "hasPart": parts, "mentions": acts}
	graph = append([]node{{"@id": "ro-crate-metadata.json", "@type": "CreativeWork", "conformsTo": ref("https://w3id.org/ro/crate/1.1"), "about": ref("./")}, root}, graph...)
	b, err := json.MarshalIndent(node{"@context": "https://w3id.org/ro/crate/1.1/context", "@graph": graph}, "", " ")
	if err != nil {
		return nil, fmt.Errorf("describe pack: %w", err)
	}
	return append(b, '\n'), nil
}
