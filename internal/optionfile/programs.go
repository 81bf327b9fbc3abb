package optionfile

import (
	"regexp"
	"slices"
	"strings"
)

// Product is a database server as it names itself.
type Product struct {
	MariaDB bool
	Version string // its first two numbers: "10.11"; empty if not known
}

// ProductOf reads what the server program prints with --version.
func ProductOf(version string) Product {
	p := Product{MariaDB: strings.Contains(version, "MariaDB")}
	if m := regexp.MustCompile(`Ver (\d+\.\d+)\.`).FindStringSubmatch(version); m != nil {
		p.Version = m[1]
	}
	return p
}

// Program is one that reads option files, with the groups that it reads.
type Program struct {
	Name   string
	Groups []string
}

// Programs returns who reads option files of a product, the server first. A
// suffix is that of --defaults-group-suffix, which adds to each group one with
// it (MySQL Reference Manual and MariaDB Knowledge Base, option files; those of
// MariaDB 10.11 are held against the programs by a test). The scripts of state
// transfers pick their groups themselves.
func Programs(p Product, suffix string) []Program {
	all := mysqlPrograms(p.Version)
	if p.MariaDB {
		all = mariadbPrograms(p.Version)
	}
	for i := range all {
		for _, g := range slices.Clone(all[i].Groups) {
			if suffix != "" {
				all[i].Groups = append(all[i].Groups, g+suffix)
			}
		}
	}
	return all
}

func mariadbPrograms(version string) []Program {
	server := []string{"mysqld", "server", "mariadb", "mariadbd", "client-server", "galera"}
	if version != "" {
		server = append(server, "mysqld-"+version, "mariadb-"+version, "mariadbd-"+version)
	}
	client := func(own ...string) []string {
		return append([]string{"client", "client-server", "client-mariadb"}, own...)
	}
	return []Program{
		{"server", server},
		{"mariadb", client("mysql", "mariadb-client")},
		{"mariadb-dump", client("mysqldump", "mariadb-dump")},
		{"mariadb-admin", client("mysqladmin", "mariadb-admin")},
		{"mariadb-backup", []string{"mariabackup", "mariadb-backup", "xtrabackup"}},
		{"mariadbd-safe", []string{"mysqld_safe", "safe_mysqld", "mariadb_safe", "mariadbd-safe"}},
		{"state transfer", []string{"sst"}},
	}
}

func mysqlPrograms(version string) []Program {
	server := []string{"mysqld", "server"}
	if version != "" {
		server = append(server, "mysqld-"+version)
	}
	return []Program{
		{"server", server},
		{"mysql", []string{"client", "mysql"}},
		{"mysqldump", []string{"client", "mysqldump"}},
		{"mysqladmin", []string{"client", "mysqladmin"}},
		{"xtrabackup", []string{"xtrabackup"}},
		{"mysqld_safe", []string{"mysqld_safe", "safe_mysqld"}},
		{"state transfer", []string{"sst"}},
	}
}
