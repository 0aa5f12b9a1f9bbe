// SPDX-License-Identifier: Apache-2.0

package record

// Type is the type of a record.
type Type string

// The record types.
const (
	Decision       Type = "decision"
	Step           Type = "step"
	Oversight      Type = "oversight"
	Notice         Type = "notice"
	Explanation    Type = "explanation"
	Challenge      Type = "challenge"
	Registry       Type = "registry"
	Finding        Type = "finding"
	Signal         Type = "signal"
	Incident       Type = "incident"
	Access         Type = "access"
	Hold           Type = "hold"
	Erasure        Type = "erasure"
	Reconciliation Type = "reconciliation"
	Heartbeat      Type = "heartbeat"
)

// Types lists every record type, in the order of the design.
func Types() []Type {
	return []Type{Decision, Step, Oversight, Notice, Explanation, Challenge, Registry, Finding,
		Signal, Incident, Access, Hold, Erasure, Reconciliation, Heartbeat}
}

// Words used by more than one field.
const (
	severities = "low medium high critical"
	captures   = "gateway sdk otlp cloudevents opa import manual"
)

// build makes the table: for each type the members that it shares with all
// others, then its own.
func build() *Rules {
	own := map[Type][]*field{
		Decision:       append(decisionFields(), aboutField()),
		Step:           {aboutField().req(), stepsField().req(), inputsField(), outputsField(), versionsField(), controlsField()},
		Oversight:      {aboutField().req(), oversightField()},
		Notice:         {aboutField(), noticeField()},
		Explanation:    {aboutField().req(), explanationField()},
		Challenge:      {aboutField(), challengeField()},
		Registry:       {aboutField(), registryField()},
		Finding:        {aboutField(), findingField()},
		Signal:         {signalField()},
		Incident:       {aboutField(), incidentField()},
		Access:         {aboutField(), accessField()},
		Hold:           {aboutField(), holdField()},
		Erasure:        {aboutField(), erasureField()},
		Reconciliation: {reconciliationField()},
		Heartbeat:      {heartbeatField()},
	}
	r := &Rules{types: map[Type]*field{}}
	for t, fields := range own {
		r.types[t] = object("", string(t), append(commonFields(t), fields...)...)
	}
	return r
}

func commonFields(t Type) []*field {
	system := code("system", "the AI system, as the register names it").at(slotSystem)
	if t == Decision {
		system.req()
	}
	return []*field{
		{name: "type", kind: KindEnum, values: []string{string(t)}, required: true, slot: slotType, doc: "the record type"},
		id("id", "unique in the ledger; the same id with the same content is the same record").req().at(slotID),
		moment("time", "when it happened").req().at(slotTime),
		object("source", "who numbers these records",
			code("id", "the capture point, never a person").req().at(slotSource),
			integer("seq", "contiguous per source, so that a gap shows").at(slotSeq)),
		system,
		code("use_case", "the use case, as the register names it").at(slotUseCase),
		enum("env", "production shadow test staging", "the environment; production when absent").at(slotEnv),
		object("interaction", "the conversation or journey touchpoint",
			code("id", "a minted, opaque id; never a customer number, an address or a phone number").req().at(slotInteraction),
			enum("channel", "voice chat email sms web app in_person other", "").at(slotChannel),
			code("journey", "a minted, opaque id of the whole journey").at(slotJourney),
			moment("started", ""), moment("ended", ""),
			code("locale", "BCP 47 language tag"), code("jurisdiction", "of the person, ISO 3166"),
			moment("human_requested", "when the person asked for a human"),
			moment("human_connected", "when a human took over"),
			private("external", "ids that other systems use")),
		private("subject", "the affected person"),
		code("trace", "W3C trace id"),
	}
}

func aboutField() *field {
	return id("about", "the record that this one follows up").at(slotAbout)
}

func decisionFields() []*field {
	return []*field{
		object("decision", "what was decided, including not to act",
			code("kind", "what sort of decision").req().at(slotKind),
			enum("status", "requested made refused error timeout abandoned", "requested before the model is called, another word after").req().at(slotStatus),
			code("outcome", "the outcome code").at(slotOutcome),
			boolean("adverse", "against the interest of the person").at(slotAdverse),
			enum("significant", "yes no unknown", "legal or similarly significant effect").at(slotSignificant),
			enum("automation", "solely_automated meaningful_human assistive", "").at(slotAutomation),
			boolean("reversible", ""),
			number("threshold", "the threshold in force"),
			moment("requested", ""), moment("decided", ""), moment("effective", "when it took effect on the person"),
			id("supersedes", "the decision that this one replaces"),
			code("guard", "the token that the guard gave out"),
			private("confidence", "a score about a person"),
			private("score", "a score about a person"),
			private("alternatives", "the options not taken, with their scores"),
			private("reason", "free text"),
			private("detail", "anything else about the outcome")).req(),
		versionsField(), inputsField(), stepsField(), outputsField(), factorsField(), controlsField(),
	}
}

func versionsField() *field {
	return object("versions", "name@version of everything that shaped the decision",
		version("model", "").at(slotModel), version("prompt", "").at(slotPrompt),
		list(version("policy", "")).at(slotPolicy), version("config", "").at(slotConfig),
		list(version("control", "")), list(version("dataset", "")), list(version("tool", "")))
}

func inputsField() *field {
	return list(object("inputs", "on which data",
		code("name", "").req(), code("source", "the system it came from"), code("category", "plain category for the data explanation"),
		enum("origin", "provided observed inferred third_party", ""),
		moment("as_of", "freshness of the value"), moment("retrieved", ""),
		boolean("special", "special category of personal data"),
		boolean("influenced", "false: fetched but not used"),
		private("ref", "where the original is"),
		private("digest", "of the original; private, since a bare hash of a small value can be guessed"),
		private("value", "the value used")))
}

func stepsField() *field {
	return list(object("steps", "what the AI did, with OpenTelemetry GenAI names",
		enum("op", "chat text_completion generate_content embeddings execute_tool invoke_agent create_agent retrieval rule_eval classify other", "").req(),
		code("id", "span id"), code("provider", ""), code("request_model", ""), code("response_model", ""),
		moment("started", ""), moment("ended", ""),
		object("usage", "", integer("input_tokens", ""), integer("output_tokens", "")),
		list(code("finish_reasons", "")),
		object("params", "", number("temperature", ""), number("top_p", ""), integer("seed", ""), integer("max_tokens", "")),
		code("tool", "the tool's name"), enum("side_effect", "none idempotent irreversible", ""), code("error", "error type"),
		private("response_id", "the vendor's id"), private("call_id", "the vendor's id of the tool call"),
		private("arguments", ""), private("result", ""), private("messages", "")))
}

func outputsField() *field {
	return list(object("outputs", "what was produced or sent",
		code("name", "").req(), enum("kind", "message draft document action score audio image other", ""),
		boolean("marked_ai", "marked as made by AI"), code("locale", ""), moment("delivered", ""),
		number("edit_ratio", "0: sent unchanged, 1: rewritten"),
		private("ref", ""), private("digest", ""), private("value", "")))
}

func factorsField() *field {
	return list(object("factors", "why",
		code("code", "the reason code").req(), enum("direction", "for against neutral", ""), code("method", "how it was found"),
		code("input", "the name of the input it stands on"),
		private("weight", "a score about a person"), private("label", "free text")))
}

func controlsField() *field {
	return list(object("controls", "which controls ran",
		code("id", "").req(), code("version", ""), enum("result", "pass fail error skip", "error counts as failed").req(),
		code("by", "who ran it"), enum("severity", severities, ""), private("reason", "free text")))
}

func oversightField() *field {
	return object("oversight", "a person's act on a decision",
		enum("act", "approve edit override reject escalate stop", "").req().at(slotKind),
		code("actor", "pseudonymous").req(), code("role", ""), code("team", ""),
		code("before", "outcome before"), code("after", "outcome after").at(slotOutcome), code("reason_code", ""),
		list(code("opened", "what the reviewer opened")), integer("dwell_ms", "how long it was looked at, milliseconds"),
		digest("shown", "of what was shown"), number("edit_ratio", "0: sent unchanged, 1: rewritten"),
		integer("rank", "1: first reviewer, 2: second"), version("competence", "what shows that the reviewer is qualified"), moment("claimed", "when the reviewer took it"),
		private("reason", "free text"), private("text", "the text as changed")).req()
}

func noticeField() *field {
	return object("notice", "what the person was told",
		code("kind", "").req().at(slotKind), version("template", ""), code("locale", ""), moment("delivered", ""),
		private("text", "the words")).req()
}

func explanationField() *field {
	return object("explanation", "in which words it was explained",
		enum("audience", "subject reviewer auditor", "").req().at(slotKind),
		list(code("types", "ICO explanation types")), version("template", ""), code("locale", ""), moment("delivered", ""),
		private("digest", ""), private("text", "the words")).req()
}

func challengeField() *field {
	return object("challenge", "complaint, contest, request for a person, data request",
		enum("kind", "complaint contest person_request data_request", "").req().at(slotKind),
		enum("status", "received acknowledged assigned resolved withdrawn", "").req().at(slotStatus),
		enum("outcome", "upheld overturned partly", "").at(slotOutcome),
		code("regime", ""), moment("received", ""), moment("due", ""), code("assignee", "pseudonymous"),
		private("text", "the words"), private("reason", "free text")).req()
}

func registryField() *field {
	return object("registry", "a change of the register",
		code("act", "").req().at(slotKind), enum("kind", kinds+" log_key retention approver", "").req(),
		code("name", "").req(), code("version", ""), digest("digest", "of the content"), code("parent", ""),
		code("environment", ""), code("actor", "pseudonymous"), code("approver", "pseudonymous"), enum("risk", "minimal limited high prohibited unknown", ""),
		code("status", "").at(slotStatus), boolean("emergency", "promoted before it was approved by all who must"), moment("due", "when a review is due"),
		integer("bytes", "length of the content"), code("media", "media type of the content"), code("request", "the record id of the proposal that is judged"),
		object("signature", "by the approver's own key, over the act",
			code("alg", "ed25519 or webauthn").req(), code("key", "name of the key in the register").req(), code("value", "base64url").req(),
			private("data", "what else was signed: authenticator data and client data of WebAuthn")),
		private("content", "the text itself"), private("ref", "where the content is, when it is not here"), private("owner", "accountable people"), private("reason", "free text")).req()
}

func findingField() *field {
	return object("finding", "what a control, a monitor or a check found",
		code("code", "").req().at(slotKind), enum("status", "open acknowledged resolved accepted", "").req().at(slotStatus),
		enum("severity", severities, ""), code("owner", "pseudonymous"), moment("due", ""), code("control", "name, or name@version"), code("version", "name@version that it is about"),
		code("group", "what it was measured over"), private("text", "free text")).req()
}

func signalField() *field {
	return object("signal", "a measured value",
		code("name", "").req().at(slotKind), number("value", "").req(), code("unit", ""), number("threshold", ""), boolean("breached", ""),
		moment("from", ""), moment("to", ""), code("group", "")).req()
}

func incidentField() *field {
	return object("incident", "something that went wrong",
		code("code", "").req().at(slotKind), enum("severity", severities, ""), enum("status", "open contained closed", "").req().at(slotStatus),
		moment("opened", ""), moment("closed", ""), private("text", "free text")).req()
}

func accessField() *field {
	return object("access", "who looked at private evidence, or acted as administrator",
		code("act", "").req().at(slotKind), code("actor", "pseudonymous").req(), code("role", ""), code("purpose", ""), code("ticket", ""),
		enum("result", "allowed denied", "").req().at(slotOutcome), integer("count", "how many records or attempts"),
		list(&field{name: "pointers", kind: KindCode, doc: "which fields"}),
		code("warrant", "the approval that it was done under"), code("target", "the actor, key or request that was acted on"),
		moment("until", "when what was granted ends"),
		private("query", "what was asked"), private("reason", "free text")).req()
}

func holdField() *field {
	return object("hold", "a legal hold",
		enum("act", "place approve refuse review release approve_release refuse_release", "").req().at(slotKind), code("name", "").req(), code("actor", "pseudonymous"),
		integer("count", "records in scope"), moment("review", "when it must be looked at again"),
		digest("query", "of the query that the scope was frozen from"), digest("ids", "of the frozen list of record ids, one a line, sorted"),
		private("matter", ""), private("scope", "the query"), private("reason", "free text")).req()
}

func erasureField() *field {
	return object("erasure", "a tombstone: what was erased, why, by whom",
		code("ground", "data_subject, retention, order, …").req().at(slotKind),
		enum("status", "requested approved refused executed completed", "completed: a request or a run came to its end").req().at(slotStatus),
		code("request", "the request that it belongs to"), code("ticket", "the case"),
		code("requester", "pseudonymous"), code("approver", "pseudonymous"), code("executor", "pseudonymous"),
		integer("count", "values erased"), integer("records", "records they were of"), integer("keys", "keys destroyed"),
		moment("backups", "when the last backup that holds them is to be gone"),
		code("class", "with month: every value of this retention class"), code("month", "that was recorded in this month (UTC) before this"),
		list(object("refusals", "what was kept, and why", code("ground", "legal_hold, statutory_retention, …").req(), integer("records", "").req(), code("hold", "by name"))),
		list(object("targets", "", id("id", "").req(), list(&field{name: "pointers", kind: KindCode}))),
		private("reason", "free text")).req()
}

func reconciliationField() *field {
	return object("reconciliation", "our count against a counter that others own",
		code("counter", "").req().at(slotKind), code("owner", "must not be the writer"), moment("from", "").req(), moment("to", "").req(),
		integer("expected", "").req(), integer("recorded", "").req(),
		enum("status", "matched explained unexplained", "").req().at(slotStatus), private("reason", "free text")).req()
}

func heartbeatField() *field {
	return object("heartbeat", "a source says how many records it sent, zero included",
		moment("from", "").req(), moment("to", "").req(), integer("count", "").req(), integer("seq", "last number given out")).req()
}

// completionFields are the members that the server adds to a statement.
func completionFields() []*field {
	return []*field{
		{name: "statement", kind: KindEnum, values: []string{Format}, required: true, doc: "format of the statement"},
		moment("recorded", "server time").req().at(slotRecorded),
		code("principal", "who was authenticated, pseudonymous").req().at(slotPrincipal),
		enum("capture", captures, "through which door").req().at(slotCapture),
		code("retention", "the retention class of the private values").at(slotRetention),
		governedField(),
	}
}

// Words of what the server finds when it judges a record.
const (
	kinds    = "system use_case model prompt policy config control dataset tool"
	verdicts = "allow deny require_human"
	results  = "pass fail error skip"
)

func governedField() *field {
	return object("governed", "what the server found when it judged the decision",
		integer("register", "how many leaves of the log the register rested on"),
		enum("verdict", verdicts, "of the guard, or of the controls on what was done"),
		list(object("versions", "the versions that the decision names, resolved",
			version("version", "as the decision names it").req(), enum("kind", kinds, "").req(), digest("digest", "of the content in the register"),
			enum("state", "approved unapproved retired elsewhere unknown", "elsewhere: approved, but not promoted to this environment").req())),
		list(object("controls", "which controls the server ran",
			version("control", "name and version").req(), enum("result", results, "error counts as failed").req(), enum("severity", severities, ""),
			enum("action", "flag deny require_human", "what a failure leads to"))),
		enum("system", "draft in_service suspended retired unknown", "the state of the AI system in the register"))
}
