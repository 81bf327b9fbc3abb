package remote

import (
	"context"
	"fmt"
	"strconv"

	"al.essio.dev/pkg/shellescape"

	"lockstep/steps"
)

// hashFunction prints the SHA-256 of stdin. OpenSSL uses what the processor has
// for it, which makes it several times as fast as coreutils without OpenSSL;
// coreutils and busybox have the second program, BSD and macOS the third.
const hashFunction = `sha() {
if openssl dgst -sha256 -r </dev/null >/dev/null 2>&1; then openssl dgst -sha256 -r
elif command -v sha256sum >/dev/null; then sha256sum; elif command -v shasum >/dev/null; then shasum -a 256
else echo "the host has none of openssl, sha256sum and shasum" >&2; return 1; fi
}
`

// Describe tells size and hash of a file, which the host itself works out.
func (c *Conn) Describe(ctx context.Context, path string) (*steps.Content, error) {
	a, err := c.ask(ctx, smallScript(path)+describeScript(path))
	if err == nil && a.code == codeTooBig {
		a, err = c.aside(ctx, describeScript(path))
	}
	if err != nil {
		return nil, fmt.Errorf("hash %s: %w", path, err)
	}
	if a.code != 0 {
		return nil, readProblem("hash", path, "regular file", a)
	}
	var d steps.Content
	if _, err := fmt.Sscanf(string(a.out), "%d %64s", &d.Size, &d.SHA256); err != nil || len(d.SHA256) != 64 {
		return nil, fmt.Errorf("hash %s: the host answers %q", path, a.out)
	}
	return &d, nil
}

// smallScript ends the script for a file that takes time to hash. It does not
// count its bytes, which some do by reading them.
func smallScript(path string) string {
	return `[ -z "$(find -L ` + shellescape.Quote(path) + ` -prune -size +` + strconv.Itoa(steps.MaxRead/512) + ` 2>/dev/null)" ] || exit ` + strconv.Itoa(codeTooBig) + "\n"
}

func describeScript(path string) string {
	return hashFunction + "p=" + shellescape.Quote(path) + `
[ -e "$p" ] || ` + missingScript() + `
[ -f "$p" ] || exit ` + strconv.Itoa(codeKind) + `
[ -r "$p" ] || exit ` + strconv.Itoa(codeDenied) + `
exec <"$p"
n=$(($(wc -c <"$p"))); h=$(sha) || exit 1
echo "$n $h"`
}
