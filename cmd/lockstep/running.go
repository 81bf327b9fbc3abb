package main

import (
	"context"
	"strings"

	"lockstep/internal/optionfile"
	"lockstep/steps"
	"lockstep/steps/sqlclient"
)

// sysvar is what the server itself says of a variable.
type sysvar struct {
	value string
	// origin is where it has it from, as the server names it: CONFIG, SQL and
	// COMPILE-TIME are words of MariaDB, GLOBAL, DYNAMIC and COMPILED of MySQL.
	// It is empty where the server does not say.
	origin string
	file   string // the option file, where the server knows it
}

// byStatement reports whether somebody set the variable since the start.
func (v sysvar) byStatement() bool { return v.origin == "SQL" || v.origin == "DYNAMIC" }

// askVariable asks the running server for a variable, by its name in an option
// file. It is nil when the server has none of that name.
func askVariable(ctx context.Context, r steps.Reader, l sqlclient.Login, p optionfile.Product, key string) (*sysvar, error) {
	name := strings.ReplaceAll(strings.ToLower(key), "-", "_")
	for strings.HasPrefix(name, "loose_") {
		name = strings.TrimPrefix(name, "loose_")
	}
	if strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_.") != "" {
		return nil, nil // no variable, and nothing to put into a statement
	}
	out, err := r.Query(ctx, l.Query(variableSQL(p, name)))
	if err != nil {
		return nil, err
	}
	text, err := sqlclient.Answer(out)
	if err != nil || strings.TrimSpace(text) == "" {
		return nil, err
	}
	fields := append(strings.Split(strings.TrimSuffix(text, "\n"), "\t"), "", "")
	return &sysvar{value: unbatch(fields[0]), origin: given(fields[1]), file: given(fields[2])}, nil
}

// variableSQL asks as the product can be asked: MySQL 5.7 says no origin.
func variableSQL(p optionfile.Product, name string) string {
	switch {
	case p.MariaDB:
		return "SELECT GLOBAL_VALUE, GLOBAL_VALUE_ORIGIN, GLOBAL_VALUE_PATH FROM information_schema.SYSTEM_VARIABLES WHERE VARIABLE_NAME = '" + name + "' AND GLOBAL_VALUE IS NOT NULL"
	case strings.HasPrefix(p.Version, "5."):
		return "SELECT VARIABLE_VALUE FROM performance_schema.global_variables WHERE VARIABLE_NAME = '" + name + "'"
	}
	return "SELECT v.VARIABLE_VALUE, i.VARIABLE_SOURCE, i.VARIABLE_PATH FROM performance_schema.global_variables v JOIN performance_schema.variables_info i USING (VARIABLE_NAME) WHERE VARIABLE_NAME = '" + name + "'"
}

func given(field string) string {
	if field == "NULL" {
		return ""
	}
	return unbatch(field)
}

// unbatch takes back what the client's --batch escapes.
func unbatch(field string) string {
	return strings.NewReplacer(`\\`, `\`, `\t`, "\t", `\n`, "\n", `\0`, "\x00").Replace(field)
}
