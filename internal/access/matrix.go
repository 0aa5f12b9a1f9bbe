// SPDX-License-Identifier: Apache-2.0

package access

import "slices"

// Role is what an actor is to a ledger.
type Role string

// The roles. Each is described in [Roles].
const (
	Source     Role = "source"
	Reviewer   Role = "reviewer"
	Owner      Role = "owner"
	Governance Role = "governance"
	Auditor    Role = "auditor"
	Privacy    Role = "privacy"
	Records    Role = "records"
	Legal      Role = "legal"
	Admin      Role = "admin"
)

// Roles lists every role, in the order of the table.
func Roles() []Role {
	return []Role{Source, Reviewer, Owner, Governance, Auditor, Privacy, Records, Legal, Admin}
}

// Action is one thing that can be done.
type Action string

// The actions. What each means stands beside its row in [Matrix].
const (
	Append         Action = "record.append"
	Read           Action = "record.read"
	SaveQuery      Action = "query.save"
	ManageText     Action = "fulltext.manage"
	ReadValue      Action = "value.read"
	ReadIdentity   Action = "identity.read"
	RequestWarrant Action = "warrant.request"
	ApproveWarrant Action = "warrant.approve"
	DrawSample     Action = "sample.draw"
	RequestPack    Action = "pack.request"
	ApprovePack    Action = "pack.approve"
	BreakGlass     Action = "glass.break"
	ReviewGlass    Action = "glass.review"
	ReportSubject  Action = "subject.report"
	RequestErasure Action = "erasure.request"
	ApproveErasure Action = "erasure.approve"
	ExecuteErasure Action = "erasure.execute"
	ReadCustody    Action = "custody.read"
	PlaceHold      Action = "hold.place"
	ApproveHold    Action = "hold.approve"
	RunRetention   Action = "retention.run"
	ReadAccess     Action = "access.read"
	ManageAccess   Action = "access.manage"
	RotateKeys     Action = "key.rotate"
	ReadHealth     Action = "health.read"

	ReadRegister     Action = "register.read"
	WriteRegister    Action = "register.write"
	ApproveVersion   Action = "register.approve"
	PromoteVersion   Action = "register.promote"
	SuspendSystem    Action = "register.suspend"
	ConfirmKey       Action = "register.key"
	RebuildRegister  Action = "register.rebuild"
	ReadVersion      Action = "version.read"
	FetchVersion     Action = "version.fetch"
	ReadChallenge    Action = "challenge.read"
	ReceiveChallenge Action = "challenge.receive"
	ActChallenge     Action = "challenge.act"

	ReportDuties       Action = "duty.report"
	DeliverExplanation Action = "explanation.deliver"

	AskGuard    Action = "guard.ask"
	TestControl Action = "control.test"

	ReadReview   Action = "review.read"
	ActReview    Action = "review.act"
	AssignReview Action = "review.assign"
	ReportReview Action = "review.report"
)

// Condition is what must hold, beside the role, before an action is allowed.
type Condition string

// The conditions. The caller of [Actor.May] sees that they are fulfilled.
const (
	Always  Condition = "yes"     // nothing more
	Stated  Condition = "purpose" // a purpose is stated, and the grant covers it
	Ticket  Condition = "ticket"  // a purpose and the case it is for
	Warrant Condition = "warrant" // a purpose and a warrant that a second person approved
	Held    Condition = "held"    // a purpose; records under a legal hold only
)

// Row is one line of the table: an action, what it means, and for each role that
// may do it under which condition. A role that is not named may not.
type Row struct {
	Action Action             `json:"action"`
	About  string             `json:"about"`
	Rule   string             `json:"rule,omitempty"` // of segregation of duties
	Allow  map[Role]Condition `json:"allow"`
}

// matrix follows the role matrix and the segregation of duties of the
// regulation reference, §5.3 and §5.4.
var matrix = []Row{
	{Append, "send records", "", map[Role]Condition{Source: Always}},
	{Read, "list and read statements, receipts without values, counts, the log", "", map[Role]Condition{
		Reviewer: Always, Owner: Always, Governance: Always, Auditor: Always, Privacy: Always, Legal: Held}},
	{SaveQuery, "keep a query under a name", "nobody changes another's", map[Role]Condition{
		Reviewer: Always, Owner: Always, Governance: Always, Auditor: Always, Privacy: Always, Legal: Always}},
	{ManageText, "turn the full text of a system on or off", "", map[Role]Condition{Privacy: Always}},
	{ReadValue, "open private inputs, outputs, scores and reasons; search texts", "each read is an access record, written first", map[Role]Condition{
		Reviewer: Stated, Auditor: Warrant, Privacy: Stated, Legal: Held}},
	{ReadIdentity, "open who the person is: subject, external ids", "the one who asks is not the one who approves", map[Role]Condition{
		Auditor: Warrant, Privacy: Warrant, Legal: Held}},
	{RequestWarrant, "ask for a warrant to open values", "", map[Role]Condition{Auditor: Stated, Privacy: Stated}},
	{ApproveWarrant, "approve a warrant", "not one's own", map[Role]Condition{Privacy: Always, Legal: Always}},
	{DrawSample, "draw a sample, which is two records of the log", "for all systems only", map[Role]Condition{Governance: Always, Auditor: Always}},
	{RequestPack, "ask for an evidence pack, and make it once two others have approved it", "for all systems only", map[Role]Condition{Auditor: Stated, Privacy: Stated, Legal: Stated}},
	{ApprovePack, "approve or refuse an evidence pack", "not one's own, and not twice", map[Role]Condition{Governance: Always, Privacy: Always, Legal: Always}},
	{BreakGlass, "open values at once, for 60 minutes, with alarm and review", "", map[Role]Condition{
		Reviewer: Ticket, Owner: Ticket, Governance: Ticket}},
	{ReviewGlass, "review a break-glass afterwards", "not one's own", map[Role]Condition{Privacy: Always}},
	{ReportSubject, "report what is held about a person", "", map[Role]Condition{Privacy: Ticket}},
	{RequestErasure, "ask for an erasure", "", map[Role]Condition{Privacy: Ticket, Records: Ticket}},
	{ApproveErasure, "approve or refuse an erasure", "not one's own request", map[Role]Condition{Privacy: Always}},
	{ExecuteErasure, "execute an approved erasure", "neither the one who asked nor the one who approved", map[Role]Condition{Records: Always}},
	{ReadCustody, "list holds, erasures, warrants and retention", "", map[Role]Condition{
		Governance: Always, Auditor: Always, Privacy: Always, Records: Always, Legal: Always}},
	{PlaceHold, "place, review and ask to release a legal hold", "", map[Role]Condition{Legal: Always}},
	{ApproveHold, "approve a hold or its release", "not one's own", map[Role]Condition{Privacy: Always}},
	{RunRetention, "run the retention job", "", map[Role]Condition{Records: Always}},
	{ReadAccess, "read the access log", "", map[Role]Condition{Governance: Always, Auditor: Always, Privacy: Always}},
	{ManageAccess, "grant roles, make and revoke keys, end sessions", "holds no other role", map[Role]Condition{Admin: Always}},
	{ReadHealth, "read the metrics", "", map[Role]Condition{Admin: Always, Governance: Always}},
	{AskGuard, "ask whether a decision may be made", "", map[Role]Condition{Source: Always}},
	{TestControl, "run a control over recorded decisions", "each page of records is an access record", map[Role]Condition{Owner: Always, Governance: Always}},
	{ReadReview, "list decisions that need a person", "", map[Role]Condition{Reviewer: Always, Owner: Always, Governance: Always, Auditor: Always}},
	{ActReview, "claim, look at and decide what needs a person", "nobody reviews what they sent; a second reviewer is not the first", map[Role]Condition{Reviewer: Always}},
	{AssignReview, "assign a review", "", map[Role]Condition{Owner: Always, Governance: Always}},
	{ReportReview, "report how teams review", "no group of fewer than 50 acts", map[Role]Condition{Owner: Always, Governance: Always, Auditor: Always}},
	{ReportDuties, "report for which obligations there is evidence, and note the report", "", map[Role]Condition{
		Owner: Always, Governance: Always, Auditor: Always, Privacy: Always}},
	{ReadChallenge, "list complaints, contests and requests", "", map[Role]Condition{
		Reviewer: Always, Owner: Always, Governance: Always, Auditor: Always, Privacy: Always}},
	{ReceiveChallenge, "note a complaint, contest or request", "", map[Role]Condition{Source: Always, Reviewer: Always, Privacy: Always}},
	{ActChallenge, "acknowledge, assign, put off, resolve a challenge", "who resolves took no part in the decision", map[Role]Condition{Reviewer: Always, Privacy: Always}},
	{DeliverExplanation, "explain a decision so that the text becomes a record", "private values are opened for a purpose", map[Role]Condition{Reviewer: Always, Privacy: Always}},
	{RotateKeys, "rotate master and signing keys", "", map[Role]Condition{Admin: Always}},
	{ReadRegister, "list AI systems, versions, approvals and what is in force", "", map[Role]Condition{
		Reviewer: Always, Owner: Always, Governance: Always, Auditor: Always, Privacy: Always, Legal: Always}},
	{WriteRegister, "describe systems, propose versions", "", map[Role]Condition{Owner: Always, Governance: Always}},
	{ApproveVersion, "approve or refuse versions, put systems into service", "not one's own", map[Role]Condition{Owner: Always, Governance: Always}},
	{PromoteVersion, "promote, roll back and retire versions", "in an emergency not one's own", map[Role]Condition{Owner: Always, Governance: Always}},
	{SuspendSystem, "suspend a system at once", "who suspends does not resume", map[Role]Condition{Owner: Always, Governance: Always}},
	{ConfirmKey, "confirm or retire the public key of an approver", "not one's own", map[Role]Condition{Governance: Always}},
	{RebuildRegister, "hold the register against the log, and make it again", "", map[Role]Condition{Governance: Always, Admin: Always}},
	{ReadVersion, "read and compare the content of versions", "", map[Role]Condition{
		Reviewer: Always, Owner: Always, Governance: Always, Auditor: Always, Privacy: Always, Legal: Always}},
	{FetchVersion, "fetch the version in force, by a program", "", map[Role]Condition{
		Source: Always, Reviewer: Always, Owner: Always, Governance: Always, Auditor: Always, Privacy: Always}},
}

// Matrix returns the table.
func Matrix() []Row { return slices.Clone(matrix) }

// Allowed looks up one cell of the table.
func Allowed(role Role, action Action) (Condition, bool) {
	for _, row := range matrix {
		if row.Action == action {
			c, ok := row.Allow[role]
			return c, ok
		}
	}
	return "", false
}

// Exclusive says whether two different roles may not be held by one actor: an
// administrator holds no other (segregation of duties, rule 9), and who sends
// records sends records only.
func Exclusive(a, b Role) bool {
	return a != b && (a == Admin || b == Admin || a == Source || b == Source)
}
