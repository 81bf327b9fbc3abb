# Joins the cgroups named in the first argument, then becomes the rest.
groups=$1
shift
for group in $groups; do echo $$ >"$group/cgroup.procs" || exit 1; done
exec "$@"
