package mycnf

import (
	"context"

	"lockstep/internal/optionfile"
	"lockstep/steps"
	"lockstep/steps/serverfiles"
)

// files are what the server would read.
type files struct {
	*serverfiles.Files
	target    string              // the designated file's real path
	persisted []optionfile.Option // by SET PERSIST, after all files
	versions  []string            // the sections of single versions of the server
}

// files reads all files that the server reads, with edited in the place of the
// designated file.
func (s *step) files(ctx context.Context, r steps.Reader, edited []byte) (*files, error) {
	all, err := s.server().Read(ctx, r, serverfiles.Draft{Path: s.path, Text: edited})
	if err != nil {
		return nil, err
	}
	f := &files{Files: all}
	for _, group := range all.Groups() {
		if ofVersion(group) {
			f.versions = append(f.versions, group)
		}
	}
	if f.target, err = serverfiles.RealPath(ctx, r, s.path); err != nil {
		return nil, err
	}
	f.persisted, err = all.Persisted(ctx, r, s.serverGroups)
	return f, err
}

func (s *step) server() serverfiles.Server { return serverfiles.Server{Main: s.main} }

// Expects implements steps.Expecter.
func (s *step) Expects() steps.Expectation {
	reads := append(s.server().Expects(s.path), serverfiles.PersistedIn(serverfiles.DataDir))
	return steps.Expectation{Paths: []string{s.path}, Reads: reads, Queries: []steps.Command{serverfiles.StartedQuery()}}
}

// designated reports whether an option stands in the file that is edited.
func (f *files) designated(o optionfile.Option) bool { return f.Real(o.File) == f.target }
