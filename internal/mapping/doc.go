// SPDX-License-Identifier: Apache-2.0

// Package mapping turns any NDJSON into Counterfoil records by a small
// declarative file, so that an export of a chatbot, a queue or a data lake can be
// appended without writing a program.
//
//	one input line ──▶ context ──▶ rules ──▶ zero or more records, each checked by record.Parse
//
// # The file
//
//	mapping: counterfoil/mapping/v1   # required
//	description: what this reads      # optional
//	files:                            # optional: files whose text or digest a record names
//	  policy: returns.md              #   the path is relative to the mapping file
//	each: $.line.messages[*]          # optional: the items of a line; without it the line is the one item
//	near:                             # optional: neighbours of an item, by name
//	  call_before: {before: "@.tool_calls"}
//	common: {…}                       # optional: members that every record gets unless its rule has them
//	rules:                            # required: tried in order, every one that holds gives a record
//	  - name: answer                  #   required, for messages
//	    on: item                      #   item (default), line (once, before the items), end (once, after them)
//	    when: "@.item.role == 'bot'"  #   optional condition
//	    record: {…}                   #   required: the template
//	leave_out: ["$.line.debug"]       # optional, see below
//
// # The context
//
// A JSONPath (RFC 9535) sees one document, the context of the rule; $ is always
// the context, never the bare line:
//
//	$.line            the whole input line
//	$.line_number     its number in the input, from 1
//	$.record_number   the number of the record within the line, from 1: a sequence number without gaps
//	$.item            the current item (not in line and end rules)
//	$.index           its place among the items, from 0; in an end rule their number (not in line rules)
//	$.previous, $.next  the items beside it, each as {"index": …, "item": …}
//	$.files.NAME      {"name", "sha256" ("sha256:" and 64 digits), "short" (the first 16 digits), "text"}
//	$.NAME            what near found under that name
//	$.each            the current element inside an {each: …} value
//
// near looks for neighbours by a condition in which @ is one item:
// {before: C} and {after: C} give the nearest earlier or later item for which C
// holds, as {"index", "item"}; {since: C} and {until: C} give the list of items
// between it and the current one, both left out. In a line rule everything is
// after, in an end rule everything is before.
//
// A condition is a filter expression of RFC 9535 on @, as it may stand within
// $[?…]. In when, @ is the context; in near, @ is one item.
//
// # The template
//
// Scalars stand for themselves, lists and objects are made member by member. A
// member that comes out absent is left out, and so is an object or a list that
// comes out empty. An object with one of these members is an operator:
//
//	{path: P}                 the one value that P selects; null counts as absent
//	{json: P}                 the JSON text in the string that P selects, as JSON; with or_text: true a
//	                          string that holds no JSON object or list stays as it is
//	{format: "{P}.{P}"}       text with values in it; absent when one of them is; {{ and }} are braces
//	{each: P, value: V}       V for each value that P selects, spliced into the list around it; optional when
//	{cases: [{when: C, value: V}, {value: V}]}   the first case that holds and is present
//	{clock: {base: T, plus: [{path: P, unit: 10s}], note: …}}   see below
//	{literal: V}              V as it stands, for objects that look like an operator
//
// path, json and format take default: V for what is absent. path and format take
// map: {word: word}, in which what is not listed falls to default and is an error
// without one, and slug: true, which makes a code of any text.
//
// Data without times has to be given some, because every record has one. clock
// makes them up from a base and whole units; its note is required and is written
// into the record as the private member x_clock, so that no made-up time can be
// taken for a measured one.
//
// # Invariants
//
//   - Deterministic: the same line with the same number gives the same bytes, and
//     so the same ids. Appending the same file again changes nothing. A mapping
//     that does not use $.line_number does not even depend on the order of lines.
//   - Unknown keys, duplicate keys, JSONPaths that can not be read, names in near
//     that hide a member of the context, and paths or formats that stand as plain
//     text are refused when the file is loaded, with line and column.
//   - A path that selects more than one value where one is wanted is an error, and
//     not a choice.
//   - With leave_out, each value of each line must come into a record or be
//     listed there, so nothing is left out silently; an empty list is the
//     strictest. Without leave_out there is no such check.
//   - An error names the input line, the rule, the field, the JSONPath and the
//     place in the mapping file, with a hint.
//
// # What it does not do, and who is trusted
//
// It opens no input and appends nothing; decompressing and resuming are the
// caller's. It keeps no state between lines. The author of a mapping is trusted:
// files may name any file that the process can read. The input is not.
package mapping
