package command

import "lockstep/steps"

// Reports names what `register` gives of a command, beside what it gives of
// every step.
func (s *step) Reports() []string { return steps.OutputFields() }

// Report is what the command answered; one that had nothing to do answered
// nothing, with code 0, and one that did not come to its end has code -1.
func (s *step) Report() map[string]any {
	if s.said == nil {
		return steps.ReportOutput(steps.Output{})
	}
	return steps.ReportOutput(*s.said)
}
