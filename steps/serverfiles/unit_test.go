package serverfiles

import (
	"strings"
	"testing"

	"lockstep/steps"
	"lockstep/steps/stepstest"
)

// A MariaDB unit of Debian 12 with a drop-in, as systemd 252 shows it.
const debianUnit = `ExecStart={ path=/bin/sh ; argv[]=/bin/sh -c set -f; [ ! -e /usr/bin/galera_recovery ] && VAR= ||   VAR=` + "`/usr/bin/galera_recovery`" + `; [ $? -eq 0 ] || exit 1;   exec /usr/sbin/mariadbd $MYSQLD_OPTS $_WSREP_NEW_CLUSTER $VAR ; ignore_errors=no ; start_time=[n/a] ; stop_time=[n/a] ; pid=0 ; code=(null) ; status=0/0 }
Environment=ENVIRONMENT
EnvironmentFiles=/run/mariadb-wsrep-new-cluster (ignore_errors=yes)
EnvironmentFiles=/etc/default/mysql (ignore_errors=yes)
LoadState=loaded
`

func TestStartedAs(t *testing.T) {
	unit := func(env string) string { return strings.Replace(debianUnit, "ENVIRONMENT", env, 1) }
	for _, tt := range []struct {
		name, process, unit, file string
		main, suffix              string
	}{
		{name: "nothing runs and there is no unit"},
		{name: "a process", process: "/usr/sbin/mariadbd\n--defaults-file=/a.cnf\n--defaults-group-suffix=-a\n--port=1\n", unit: unit("MYSQLD_OPTS=--defaults-group-suffix=-u"), main: "/a.cnf", suffix: "-a"},
		{name: "by its environment", process: "/usr/sbin/mariadbd\nMYSQL_GROUP_SUFFIX=-b\n", suffix: "-b"},
		{name: "the command line wins over the environment", process: "/usr/sbin/mariadbd\n--defaults_group_suffix=-a\nMYSQL_GROUP_SUFFIX=-b\n", suffix: "-a"},
		{name: "a unit as it comes", unit: unit("")},
		{name: "a unit with options", unit: unit(`"MYSQLD_OPTS=--defaults-file=/b.cnf --defaults-group-suffix=-a --slow-query-log" "Q=it's x y"`), main: "/b.cnf", suffix: "-a"},
		{name: "a variable that it does not use", unit: unit("OPTS=--defaults-group-suffix=-a")},
		{name: "a unit with the variable of the programs", unit: unit("MYSQL_GROUP_SUFFIX=-b"), suffix: "-b"},
		{name: "an environment file", unit: unit(""), file: "# ours\nMYSQLD_OPTS=\"--defaults-group-suffix=-f\"\n", suffix: "-f"},
		{name: "a second unit", unit: "LoadState=not-found\n\n" + strings.Replace(unit(""), "mariadbd $MYSQLD_OPTS", "mysqld --defaults-file=/c.cnf", 1), main: "/c.cnf"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := stepstest.NewFake("db1")
			if tt.file != "" {
				h.PutFile("/etc/default/mysql", tt.file)
			}
			h.OnOther(func(*stepstest.Fake, steps.Command) steps.Output {
				if tt.process == "" && tt.unit != "" {
					return steps.Output{Stdout: []byte(byUnit + "\n" + tt.unit)}
				}
				return steps.Output{Stdout: []byte(tt.process)}
			})
			s, err := StartedAs(t.Context(), h)
			if err != nil || s.Main != tt.main || s.Suffix != tt.suffix {
				t.Errorf("got %+v, %v", s, err)
			}
			if s.As(tt.main) != (Server{Main: tt.main, Suffix: tt.suffix}) || s.As("/other.cnf") != (Server{Main: "/other.cnf"}) {
				t.Errorf("got the servers %+v and %+v", s.As(tt.main), s.As("/other.cnf"))
			}
		})
	}
}

// The server of an instance is judged with the groups of that instance.
func TestRealServerOfAnInstance(t *testing.T) {
	text := "[mysqld]\nport=3307\n[mysqld-a]\nport=3308\n"
	h, s := host(t, text)
	wrong := text + "sll_ca=/x\n"
	if _, err := judge(t, h, s, text, wrong); err != nil {
		t.Errorf("without a suffix: %v", err)
	}
	s.Suffix = "-a"
	if _, err := judge(t, h, s, text, text+"ssl_ca=/x\n"); err != nil {
		t.Errorf("sound: %v", err)
	}
	if _, err := judge(t, h, s, text, wrong); err == nil || !strings.Contains(err.Error(), "unknown variable 'sll_ca") {
		t.Errorf("got %v", err)
	}
	files, err := s.Read(t.Context(), h, Draft{s.Main, []byte(wrong)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Validate(t.Context(), h, files); err == nil {
		t.Error("its files alone: no error")
	}
}
