package verify

import (
	"context"
	"fmt"
	"strings"

	"lockstep/steps"
	"lockstep/steps/param"
	"lockstep/steps/sqlclient"
)

// query is a question to the local server with the answer that is wanted.
type query struct{ query, want string }

func (q *query) params(p *param.Set) {
	p.String(&q.query, "query", "the SQL, which must not change anything", param.Required())
	p.String(&q.want, "want", "the answer: columns apart by tabs, rows by line breaks", param.Required())
}

func (q query) check(ctx context.Context, w world) error {
	out, err := w.view.Self.Query(ctx, w.login.Query(q.query, "*"))
	if err != nil {
		return err
	}
	text, err := answer(out, q.query)
	if err != nil {
		return err
	}
	if found := strings.TrimSpace(text); found != strings.TrimSpace(q.want) {
		return &steps.Problem{What: fmt.Sprintf("%s: the server says %q, wanted %q", q.query, found, q.want)}
	}
	return nil
}

func answer(out steps.Output, sql string) (string, error) {
	text, err := sqlclient.Answer(out)
	if err != nil {
		return "", fmt.Errorf("%s: %w", sql, err)
	}
	return text, nil
}
