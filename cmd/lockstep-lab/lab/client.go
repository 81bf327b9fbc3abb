package lab

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"net"
	"time"

	"github.com/go-sql-driver/mysql"
)

// connect prepares one connection to a node as the application: with TLS when
// the server offers it, without verifying, since this is only a load.
func (l *Lab) connect(n *Node, password string) *sql.DB {
	return open(n, password, "preferred")
}

func open(n *Node, password, tls string) *sql.DB {
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd, cfg.DBName = "app", password, "lab"
	cfg.Net, cfg.Addr = "tcp", net.JoinHostPort(n.addr.String(), "3306")
	cfg.Timeout, cfg.ReadTimeout, cfg.WriteTimeout = 2*time.Second, 5*time.Second, 5*time.Second
	cfg.TLSConfig, cfg.AllowNativePasswords, cfg.Logger = tls, true, &mysql.NopLogger{}
	connector, err := mysql.NewConnector(cfg)
	if err != nil { // only a wrong configuration, which the first use then reports
		connector = brokenConnector{err}
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(1)
	return db
}

// insertRow writes one row; that it is there already counts as written.
func insertRow(ctx context.Context, db *sql.DB, run string, writer, seq int, body string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	_, err := db.ExecContext(ctx, "INSERT INTO lab.`rows` (run, writer, seq, body) VALUES (?, ?, ?, ?)", run, writer, seq, body)
	if e, ok := errors.AsType[*mysql.MySQLError](err); ok && e.Number == 1062 { // duplicate key
		return nil
	}
	return err
}

// brokenConnector reports one error at every use.
type brokenConnector struct{ err error }

func (b brokenConnector) Connect(context.Context) (driver.Conn, error) { return nil, b.err }
func (b brokenConnector) Driver() driver.Driver                        { return nil }
