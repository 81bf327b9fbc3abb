#!/bin/sh
# Makes a data directory whose cluster of one has run and stopped cleanly.
# stdin: the statements that prepare it.
set -eu
sql=$(cat)
socket=/run/mysqld/mysqld.sock
client="mariadb --no-defaults --socket=$socket"

install -d -o mysql -g mysql -m 0755 /run/mysqld
rm -rf /var/lib/mysql
install -d -o mysql -g mysql -m 0755 /var/lib/mysql
mariadb-install-db --user=mysql --skip-test-db --auth-root-authentication-method=socket >/tmp/install.log 2>&1 || {
	tail -n 20 /tmp/install.log >&2
	exit 1
}
mariadbd --user=mysql --wsrep-new-cluster >/tmp/mariadbd.log 2>&1 &
server=$!
i=0
until [ "$($client -Nse "SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME='WSREP_READY'" 2>/dev/null)" = ON ]; do
	i=$((i + 1))
	if [ $i -gt 1200 ] || ! kill -0 $server 2>/dev/null; then
		tail -n 30 /tmp/mariadbd.log >&2
		exit 1
	fi
	sleep 0.1
done
printf '%s\n' "$sql" | $client
mariadb-upgrade --no-defaults --socket=$socket --silent --version-check >&2
mariadb-admin --no-defaults --socket=$socket shutdown
wait $server
cd /var/lib/mysql
rm -f galera.cache gvwstate.dat ./*.pid aria_log.tmp
