#!/bin/sh
# Makes the layer that all hosts of a lab share. Runs inside that layer.
# stdin: the public key, then the password of dba, one a line.
set -eu
IFS= read -r key
IFS= read -r dba_password

# --- users
authorize() { # home owner
	install -d -m 0700 -o "$2" -g "$2" "$1/.ssh"
	printf '%s\n' "$key" >"$1/.ssh/authorized_keys"
	chmod 0600 "$1/.ssh/authorized_keys"
	chown "$2:$2" "$1/.ssh/authorized_keys"
}
for user in deploy dba nosudo; do
	id "$user" >/dev/null 2>&1 || useradd --create-home --shell /bin/bash "$user"
	usermod --password '*' "$user"
	authorize "/home/$user" "$user"
done
usermod --password '*' root
chmod 0700 /root
authorize /root root
printf 'dba:%s\n' "$dba_password" | chpasswd

cat >/etc/sudoers.d/lab <<'SUDO'
deploy ALL=(ALL:ALL) NOPASSWD: ALL
dba ALL=(ALL:ALL) ALL
SUDO
chmod 0440 /etc/sudoers.d/lab

# --- no name service: a reverse lookup that nobody answers costs seconds at
# each MariaDB connection and at each sudo
rm -f /etc/resolv.conf
: >/etc/resolv.conf
sed -i 's/^hosts:.*/hosts: files/' /etc/nsswitch.conf

# --- folders that services expect and that were hidden
mkdir -p /usr/local/bin /usr/local/sbin /usr/local/lib /usr/local/share /usr/local/etc
mkdir -p /var/log/journal /var/log/private /var/cache/apt/archives/partial /var/lib/apt/lists/partial /var/lib/systemd
chmod 0700 /var/log/private
install -d -m 2755 -g systemd-journal /var/log/journal
: >/var/log/wtmp
: >/var/log/lastlog
install -m 0660 -g utmp /dev/null /var/log/btmp

# --- a quiet systemd: sshd, and what it needs
units=/etc/systemd/system
mkdir -p "$units/multi-user.target.wants" "$units/journald.conf.d" /etc/systemd/journald.conf.d
rmdir "$units/journald.conf.d"
ln -s /lib/systemd/system/ssh.service "$units/sshd.service"
ln -s /lib/systemd/system/ssh.service "$units/multi-user.target.wants/ssh.service"
for unit in \
	apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer \
	logrotate.timer man-db.timer systemd-tmpfiles-clean.timer phpsessionclean.timer \
	systemd-networkd.service systemd-networkd.socket systemd-resolved.service systemd-timesyncd.service \
	getty.target console-getty.service systemd-udevd.service systemd-udev-trigger.service \
	systemd-udevd-kernel.socket systemd-udevd-control.socket \
	e2scrub_reap.service systemd-pstore.service machines.target remote-fs.target \
	ldconfig.service systemd-hwdb-update.service systemd-journal-catalog-update.service systemd-update-done.service \
	proc-sys-fs-binfmt_misc.automount systemd-binfmt.service; do
	ln -sf /dev/null "$units/$unit"
done
printf '[Journal]\nStorage=persistent\nSystemMaxUse=32M\nSystemMaxFileSize=8M\nRateLimitIntervalSec=0\n' \
	>/etc/systemd/journald.conf.d/lab.conf
rm -f /etc/machine-id /var/lib/dbus/machine-id /etc/fstab
