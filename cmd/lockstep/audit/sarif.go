package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"time"

	"lockstep/steps"
)

type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool        sarifTool         `json:"tool"`
	Invocations []sarifInvocation `json:"invocations"`
	Results     []sarifResult     `json:"results"`
}

type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

type sarifDriver struct {
	Name  string      `json:"name"`
	Rules []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID    string       `json:"id"`
	Short sarifMessage `json:"shortDescription"`
}

type sarifMessage struct {
	Text string `json:"text"`
}

type sarifInvocation struct {
	Successful bool   `json:"executionSuccessful"`
	End        string `json:"endTimeUtc"`
}

type sarifResult struct {
	Rule         string             `json:"ruleId"`
	Index        int                `json:"ruleIndex"`
	Level        string             `json:"level"`
	Message      sarifMessage       `json:"message"`
	Locations    []sarifLocation    `json:"locations"`
	Fingerprints map[string]string  `json:"partialFingerprints"`
	Suppressions []sarifSuppression `json:"suppressions,omitempty"`
}

type sarifLocation struct {
	Logical []sarifLogical `json:"logicalLocations"`
}

type sarifLogical struct {
	Name string `json:"name"`
	Full string `json:"fullyQualifiedName"`
	Kind string `json:"kind"`
}

type sarifSuppression struct {
	Kind          string `json:"kind"`
	Justification string `json:"justification"`
}

// SARIF writes what has not passed in the Static Analysis Results Interchange
// Format 2.1.0 (OASIS). The place of a result is a host: there is no source file.
// What cannot be told has the level of what is wrong, since viewers hide the kind
// that the format has for it.
func SARIF(w io.Writer, r Report) error {
	run := sarifRun{
		Tool:        sarifTool{sarifDriver{Name: "lockstep audit", Rules: []sarifRule{}}},
		Invocations: []sarifInvocation{{true, r.At.UTC().Format(time.RFC3339)}},
		Results:     []sarifResult{},
	}
	for _, f := range r.where(func(f Finding) bool { return f.Result != steps.Passed }) {
		rules := &run.Tool.Driver.Rules
		at := slices.IndexFunc(*rules, func(o sarifRule) bool { return o.ID == f.ID })
		if at < 0 {
			at = len(*rules)
			*rules = append(*rules, sarifRule{f.ID, sarifMessage{first(f.Looked, f.Area)}})
		}
		run.Results = append(run.Results, sarifOf(f, at))
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(sarifLog{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}})
}

func sarifOf(f Finding, rule int) sarifResult {
	levels := map[steps.Severity]string{steps.Critical: "error", steps.Warning: "warning", steps.Info: "note"}
	res := sarifResult{
		Rule: f.ID, Index: rule, Level: levels[f.Severity],
		Message:      sarifMessage{f.Host + ": " + f.Headline() + "\n" + f.lines()},
		Locations:    []sarifLocation{{[]sarifLogical{{f.Headline(), f.Host + "/" + f.Headline(), "resource"}}}},
		Fingerprints: map[string]string{"finding/v1": fingerprint(f.ID, f.Host, f.Step, f.Subject, f.Peer)},
	}
	if f.Excepted != "" {
		res.Suppressions = []sarifSuppression{{"external", f.Excepted}}
	}
	return res
}

// fingerprint stays the same from one audit to the next.
func fingerprint(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:])
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
