package jinja

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
)

var errDivide = errors.New("division by zero")

func (r *run) unary(s *scope, u *unary) (any, error) {
	v, err := r.eval(s, u.of)
	if err != nil {
		return nil, err
	}
	if u.op == "not" {
		return !truth(v), nil
	}
	x, ok := number(v)
	n, whole := integer(v)
	switch {
	case !ok:
		return nil, fmt.Errorf("%s has no sign", shape(v))
	case whole && u.op == "+":
		return n, nil
	case whole:
		return -n, nil
	case u.op == "+":
		return x, nil
	}
	return -x, nil
}

func (r *run) binary(s *scope, b *binary) (any, error) {
	left, err := r.eval(s, b.l)
	if err != nil {
		return nil, err
	}
	if b.op == "and" && !truth(left) || b.op == "or" && truth(left) {
		return left, nil
	}
	right, err := r.eval(s, b.r)
	if err != nil {
		return nil, err
	}
	switch b.op {
	case "and", "or":
		return right, nil
	case "~":
		return r.join(left, right)
	}
	return r.operate(b.op, left, right)
}

func (r *run) join(a, b any) (any, error) {
	left, err := r.str(a)
	if err != nil {
		return nil, err
	}
	right, err := r.str(b)
	if err != nil {
		return nil, err
	}
	return left + right, r.text(len(left) + len(right))
}

func (r *run) operate(op string, a, b any) (any, error) {
	x, ok := number(a)
	y, also := number(b)
	if ok && also {
		m, whole := integer(a)
		n, both := integer(b)
		if whole && both && op != "/" {
			return wholes(op, m, n)
		}
		return floats(op, x, y)
	}
	switch left := a.(type) {
	case string:
		return r.texts(op, left, b)
	case []any:
		return r.lists(op, left, b)
	case tuple:
		right, ok := b.(tuple)
		if op == "+" && ok {
			return slices.Concat(left, right), r.items(len(left) + len(right))
		}
	}
	return nil, wrongOperands(op, a, b)
}

func wrongOperands(op string, a, b any) error {
	h := ""
	if op == "+" {
		h = "`~` joins anything as text"
	}
	return hint(h, "%s %s %s cannot be computed", shape(a), op, shape(b))
}

func (r *run) texts(op string, a string, b any) (any, error) {
	switch right := b.(type) {
	case string:
		if op == "+" {
			return a + right, r.text(len(a) + len(right))
		}
	case int:
		if op == "*" {
			n := max(right, 0)
			if len(a) > 0 && n > maxText/len(a) {
				return nil, r.text(-1)
			}
			return strings.Repeat(a, n), r.text(len(a) * n)
		}
	}
	if op == "%" {
		args, ok := b.(tuple)
		if !ok {
			args = tuple{b}
		}
		return r.format(a, args)
	}
	return nil, wrongOperands(op, a, b)
}

func (r *run) lists(op string, a []any, b any) (any, error) {
	switch right := b.(type) {
	case []any:
		if op == "+" {
			return slices.Concat(a, right), r.items(len(a) + len(right))
		}
	case int:
		if op == "*" {
			n := max(right, 0)
			if len(a) > 0 && n > maxItems/len(a) {
				return nil, r.items(-1)
			}
			return slices.Repeat(a, n), r.items(len(a) * n)
		}
	}
	return nil, wrongOperands(op, a, b)
}

// wholes computes with whole numbers, as Python rounds; what does not fit is
// an error instead of a wrong number.
func wholes(op string, a, b int) (any, error) {
	var exact float64
	var n int
	switch op {
	case "+":
		exact, n = float64(a)+float64(b), a+b
	case "-":
		exact, n = float64(a)-float64(b), a-b
	case "*":
		exact, n = float64(a)*float64(b), a*b
	case "**":
		if b < 0 {
			return floats(op, float64(a), float64(b))
		}
		exact, n = math.Pow(float64(a), float64(b)), power(a, b)
	case "//", "%":
		if b == 0 {
			return nil, errDivide
		}
		q, m := a/b, a%b
		if m != 0 && (m < 0) != (b < 0) {
			q, m = q-1, m+b
		}
		if op == "%" {
			return m, nil
		}
		return q, nil
	}
	if math.Abs(exact) >= 1<<62 {
		return nil, errors.New("the number is too big")
	}
	return n, nil
}

func power(a, b int) int {
	n := 1
	for ; b > 0; b >>= 1 {
		if b&1 == 1 {
			n *= a
		}
		a *= a
	}
	return n
}

func floats(op string, a, b float64) (any, error) {
	var f float64
	switch op {
	case "+":
		f = a + b
	case "-":
		f = a - b
	case "*":
		f = a * b
	case "**":
		return floatPower(a, b)
	default:
		if b == 0 {
			return nil, errDivide
		}
		switch op {
		case "/":
			f = a / b
		case "//":
			f, _ = divmod(a, b)
		case "%":
			_, f = divmod(a, b)
		}
	}
	return f, finite(f)
}

// floatPower is exact to the last digit, which math.Pow is not: the same text
// must come out as elsewhere.
func floatPower(a, b float64) (any, error) {
	whole := math.Trunc(b) == b && math.Abs(b) <= 64
	switch {
	case b == 0.5 && a >= 0:
		return math.Sqrt(a), nil
	case !whole:
		return nil, errors.New("a power is a whole number up to 64, or 0.5")
	case a == 0 && b < 0:
		return nil, errDivide
	}
	out := big.NewFloat(1).SetPrec(53 * 65)
	for range int(math.Abs(b)) {
		out.Mul(out, big.NewFloat(a))
	}
	if b < 0 {
		out.Quo(big.NewFloat(1).SetPrec(out.Prec()), out)
	}
	f, _ := out.Float64()
	return f, finite(f)
}

// divmod is Python's: the rest has the sign of b, and the quotient is the
// floor of what is exact, not of the rounded a/b.
func divmod(a, b float64) (quotient, rest float64) {
	rest = math.Mod(a, b)
	quotient = (a - rest) / b
	switch {
	case rest == 0:
		rest = math.Copysign(0, b)
	case (b < 0) != (rest < 0):
		rest += b
		quotient--
	}
	if quotient == 0 {
		return math.Copysign(0, a/b), rest
	}
	floor := math.Floor(quotient)
	if quotient-floor > 0.5 {
		floor++
	}
	return floor, rest
}

func finite(f float64) error {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return errors.New("the result is no number")
	}
	return nil
}
