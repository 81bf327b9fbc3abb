package remote

import "strconv"

func (j job) dir() string { return j.base + "/" + j.id }

// startScript makes the directory, runs the job in a session of its own and
// reports. The job outlives the sh, but the sh does not wait in vain: no
// polling happens.
func (j job) startScript(f follower) string {
	before := ""
	if j.before != "" {
		before = "(\n" + j.before + ") || exit " + strconv.Itoa(jobBefore) + "\n"
	}
	return before + `umask 077
for b in ` + j.base + ` /tmp; do
if [ $b = /tmp ] || { { [ -d $b ] || mkdir $b 2>/dev/null || [ -d $b ]; } && [ ! -L $b ] && [ -O $b ]; }; then
d=$b/` + j.id + `; [ $b = /tmp ] && d=$b/lockstep-` + j.id + `
mkdir "$d" && break; fi; d=
done
[ -n "$d" ] || exit ` + strconv.Itoa(jobRefused) + `
{ printf '%b' ` + printfQuote(j.stdin) + ` >"$d/in" && printf '%b' ` + printfQuote([]byte(j.body())) + ` >"$d/run"; } || { rm -rf "$d"; exit ` + strconv.Itoa(jobRefused) + `; }
umask 022
` + f.startScript() + `s=setsid; command -v setsid >/dev/null || s=
$s sh "$d/run" "$d" </dev/null >/dev/null 2>&1
` + f.stopScript() + reportScript()
}

// body is the job itself. What it was given is gone from the disk before the
// command runs. A TERM is for the command: the sh around it stays to note how
// that ended.
func (j job) body() string {
	return `d=$1; trap '' HUP PIPE; trap : TERM; echo $$ >"$d/pid"
exec <"$d/in" >"$d/out" 2>"$d/err"; rm -f "$d/in" "$d/run"
(trap - HUP PIPE TERM
` + j.script + `
)
echo $? >"$d/rc"
`
}

// findScript sets d to the job's directory.
func (j job) findScript() string {
	return `d=` + j.dir() + `; [ -d "$d" ] || d=/tmp/lockstep-` + j.id + "\n"
}

// waitScript waits on the host for a job that was started earlier.
func (j job) waitScript(f follower) string {
	return j.findScript() + `[ -s "$d/pid" ] || sleep 1
[ -s "$d/pid" ] || exit ` + strconv.Itoa(jobLost) + `
read -r p <"$d/pid"
` + f.startScript() + `while [ ! -s "$d/rc" ] && kill -0 "$p" 2>/dev/null; do sleep 0.2 2>/dev/null || sleep 1; done
` + f.stopScript() + reportScript()
}

func (j job) removeScript() string { return j.findScript() + `rm -rf "$d"` }

// reportScript writes what parseResult reads.
func reportScript() string {
	return `[ -s "$d/rc" ] && read -r r <"$d/rc" || exit ` + strconv.Itoa(jobLost) + `
o=0 e=0
[ ! -s "$d/out" ] || o=$(($(wc -c <"$d/out"))); [ ! -s "$d/err" ] || e=$(($(wc -c <"$d/err")))
echo "$r $o $e"
[ $o$e = 00 ] || [ $o -gt ` + strconv.Itoa(outputLimit) + ` ] || [ $e -gt ` + strconv.Itoa(outputLimit) + ` ] || cat "$d/out" "$d/err"
`
}
