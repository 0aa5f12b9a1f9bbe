// SPDX-License-Identifier: Apache-2.0

package pack

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/counterfoil/counterfoil/proof"
	"github.com/counterfoil/counterfoil/verify"
)

// Codes of faults.
const (
	BadFile      = "bad_file"      // changed, added, removed, or not where it belongs
	BadSignature = "bad_signature" // the manifest is not the one that the log signed
	BadStamp     = "bad_stamp"
	BadLeaves    = "bad_leaves"    // they are not those of the checkpoint
	BadSelection = "bad_selection" // a record is missing, or does not belong
	BadRecord    = "bad_record"    // a record does not verify; Detail begins with why
	BadClaim     = "bad_claim"     // a number or name that the maker gave is not so
)

// Fault is one thing that is wrong.
type Fault struct {
	Code    string `json:"code"`
	File    string `json:"file,omitempty"`
	Line    int64  `json:"line,omitempty"`
	Record  string `json:"record,omitempty"`
	Pointer string `json:"pointer,omitempty"`
	Detail  string `json:"detail"`
}

// Report is the judgement of one pack.
type Report struct {
	Valid bool `json:"valid"`
	// Claim is what the maker says; it is true if Valid.
	Claim   Claim         `json:"claim"`
	Stamped time.Time     `json:"stamped,omitzero"`
	Steps   []verify.Step `json:"steps"`
	// Faults are at most [MaxFaults]; More says that there are others.
	Faults []Fault `json:"faults,omitempty"`
	More   bool    `json:"more,omitempty"`
	// Complete says that the selection was run again over all leaves.
	Complete bool `json:"complete"`
}

// MaxFaults is how many faults a report lists.
const MaxFaults = 100

type check struct {
	fsys  fs.FS
	trust *proof.Trust
	r     *Report
	files map[string]bool
}

func (c *check) pass(name, format string, args ...any) {
	c.r.Steps = append(c.r.Steps, verify.Step{Name: name, OK: true, Detail: fmt.Sprintf(format, args...)})
}

func (c *check) fault(code, file string, line int64, record, format string, args ...any) {
	c.add(Fault{Code: code, File: file, Line: line, Record: record, Detail: fmt.Sprintf(format, args...)})
}

func (c *check) add(f Fault) {
	if len(c.r.Faults) >= MaxFaults {
		c.r.More = true
		return
	}
	c.r.Faults = append(c.r.Faults, f)
}

// step runs one part and says so if it found nothing wrong.
func (c *check) step(name string, run func() string) {
	before := len(c.r.Faults)
	if said := run(); len(c.r.Faults) == before && !c.r.More && said != "" {
		c.pass(name, "%s", said)
	}
}

// Open opens a pack: a folder, or a zip file with one folder in it.
func Open(path string) (fs.FS, io.Closer, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, fmt.Errorf("open pack: %w", err)
	}
	if info.IsDir() {
		return os.DirFS(path), io.NopCloser(nil), nil
	}
	z, err := zip.OpenReader(path)
	if err != nil {
		return nil, nil, fmt.Errorf("open pack: %w", err)
	}
	top := ""
	for _, f := range z.File {
		dir, _, ok := strings.Cut(f.Name, "/")
		if !ok || top != "" && dir != top {
			return nil, nil, errors.Join(errors.New("open pack: the zip file does not hold one folder"), z.Close())
		}
		top = dir
	}
	if top == "" {
		return nil, nil, errors.Join(errors.New("open pack: the zip file is empty"), z.Close())
	}
	sub, err := fs.Sub(z, top)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("open pack: %w", err), z.Close())
	}
	return sub, z, nil
}

// Is says whether a path looks like a pack: a folder with a bagit.txt, or a zip.
func Is(path string) bool {
	info, err := os.Stat(path)
	if err != nil {
		return false
	}
	if !info.IsDir() {
		return strings.HasSuffix(strings.ToLower(path), ".zip")
	}
	_, err = os.Stat(path + "/" + fileBagIt)
	return err == nil
}

// Verify judges a pack under a trust policy. leaves, if not nil, are those of the
// log, from its first one on, for a pack that has them not.
func Verify(fsys fs.FS, trust *proof.Trust, leaves Leaves) *Report {
	c := &check{fsys: fsys, trust: trust, r: &Report{}}
	c.checkFiles()
	if c.checkEnvelope() {
		if cp, ok := c.checkCheckpoint(); ok {
			c.checkContents(cp, leaves)
		}
	}
	c.r.Valid = len(c.r.Faults) == 0
	return c.r
}

func (c *check) checkCheckpoint() (cp proof.Checkpoint, ok bool) {
	signed, err := fs.ReadFile(c.fsys, FileCheckpoint)
	if err != nil {
		c.fault(BadFile, FileCheckpoint, 0, "", "it can not be read: %v", err)
		return cp, false
	}
	cp, signers, err := c.trust.OpenCheckpoint(signed)
	if err != nil {
		c.fault(BadFile, FileCheckpoint, 0, "", "%v", err)
		return cp, false
	}
	claim := c.r.Claim
	if cp.Origin != claim.Origin || cp.Size != claim.Size || cp.Root.String() != claim.Root {
		c.fault(BadClaim, FileCheckpoint, 0, "", "it is another than the one that the pack is about")
		return cp, false
	}
	c.pass("checkpoint", "%s signed size %d; signatures by %s", cp.Origin, cp.Size, strings.Join(signers, ", "))
	return cp, true
}

// checkContents checks what the records say, and that they are all.
func (c *check) checkContents(cp proof.Checkpoint, leaves Leaves) {
	if c.r.Claim.Leaves {
		leaves = func() seq { return c.lines(FileLeaves, maxLeaf) }
	}
	var chosen []int64
	if leaves != nil {
		c.step("leaves", func() string { return c.checkLeaves(cp, leaves) })
		c.step("selection", func() (said string) {
			chosen, said = c.runSelection(leaves)
			return said
		})
	} else {
		c.pass("selection", "not run again: the leaves are not in the pack, so whether something was left out can not be said")
	}
	c.checkRecords(chosen)
}

func (c *check) runSelection(leaves Leaves) ([]int64, string) {
	b, err := fs.ReadFile(c.fsys, FileSelection)
	if err != nil {
		c.fault(BadFile, FileSelection, 0, "", "it can not be read: %v", err)
		return nil, ""
	}
	s, err := ParseSelection(b)
	if err != nil {
		c.fault(BadFile, FileSelection, 0, "", "%v", err)
		return nil, ""
	}
	chosen, err := Choose(Wanted{s, c.r.Claim.Related, c.r.Claim.Request}, leaves)
	if err != nil {
		c.fault(BadLeaves, FileLeaves, 0, "", "%v", err)
		return nil, ""
	}
	c.r.Complete = true
	if chosen == nil {
		chosen = []int64{}
	}
	return chosen, fmt.Sprintf("run again over %d leaves, it selects %d", c.r.Claim.Size, len(chosen))
}

var errLong = errors.New("a line is too long")
