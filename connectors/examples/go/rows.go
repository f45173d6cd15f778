package main

import (
	"fmt"
	"math"
	"strings"
	"time"

	pb "sharing.example/connector/pb/connector"
)

const (
	levelsMax  = 16
	nodesMax   = 1000
	valuesMax  = 100_000
	daySeconds = 86_400
	micros     = 1_000_000
)

var (
	firstDay = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).Unix() / daySeconds
	lastDay  = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC).Unix() / daySeconds
)

// wellFormedPredicate tells whether every node has the column, values and operands that its operator needs.
func wellFormedPredicate(root *pb.Predicate) bool {
	level, nodes, values := []*pb.Predicate{root}, 0, 0
	for depth := 0; len(level) > 0; depth++ {
		var next []*pb.Predicate
		for _, p := range level {
			if !wellFormedNode(p) {
				return false
			}
			nodes, values, next = nodes+1, values+len(p.GetValues()), append(next, p.GetOperands()...)
		}
		if depth >= levelsMax || nodes > nodesMax || values > valuesMax {
			return false
		}
		level = next
	}
	return true
}

func wellFormedNode(p *pb.Predicate) bool {
	values, operands := len(p.GetValues()), len(p.GetOperands())
	switch p.GetOp() {
	case pb.PredicateOp_PREDICATE_OP_AND, pb.PredicateOp_PREDICATE_OP_OR:
		return p.GetColumn() == "" && values == 0 && operands > 0
	case pb.PredicateOp_PREDICATE_OP_NOT:
		return p.GetColumn() == "" && values == 0 && operands == 1
	}
	if p.GetColumn() == "" || operands != 0 || !allSet(p.GetValues()) {
		return false
	}
	switch p.GetOp() {
	case pb.PredicateOp_PREDICATE_OP_EQ, pb.PredicateOp_PREDICATE_OP_NE, pb.PredicateOp_PREDICATE_OP_LT,
		pb.PredicateOp_PREDICATE_OP_LE, pb.PredicateOp_PREDICATE_OP_GT, pb.PredicateOp_PREDICATE_OP_GE,
		pb.PredicateOp_PREDICATE_OP_PREFIX:
		return values == 1
	case pb.PredicateOp_PREDICATE_OP_IN:
		return values > 0
	case pb.PredicateOp_PREDICATE_OP_BETWEEN:
		return values == 2
	case pb.PredicateOp_PREDICATE_OP_IS_NULL:
		return values == 0
	}
	return false
}

func allSet(values []*pb.Value) bool {
	for _, v := range values {
		if day, ok := v.GetKind().(*pb.Value_DateDays); ok && !inCalendar(int64(day.DateDays)) {
			return false
		}
		if at, ok := v.GetKind().(*pb.Value_TimestampMicros); ok && !inCalendar(floorDiv(at.TimestampMicros, daySeconds*micros)) {
			return false
		}
		if v.GetKind() == nil {
			return false
		}
	}
	return true
}

func inCalendar(day int64) bool { return firstDay <= day && day <= lastDay }

func floorDiv(a, b int64) int64 {
	if a < 0 {
		return -((-a + b - 1) / b)
	}
	return a / b
}

// condition tells whether a row fulfils a predicate.
type condition func(row []any) bool

// compile turns a well-formed predicate into a condition. A comparison with null or NaN is false, and NOT of it true.
func (d *dataset) compile(p *pb.Predicate) (condition, error) {
	operands := make([]condition, len(p.GetOperands()))
	for i, operand := range p.GetOperands() {
		c, err := d.compile(operand)
		if err != nil {
			return nil, err
		}
		operands[i] = c
	}
	switch p.GetOp() {
	case pb.PredicateOp_PREDICATE_OP_AND:
		return every(operands), nil
	case pb.PredicateOp_PREDICATE_OP_OR:
		return func(row []any) bool {
			for _, holds := range operands {
				if holds(row) {
					return true
				}
			}
			return false
		}, nil
	case pb.PredicateOp_PREDICATE_OP_NOT:
		return func(row []any) bool { return !operands[0](row) }, nil
	}
	return d.leaf(p.GetColumn(), p.GetOp(), p.GetValues())
}

func every(conditions []condition) condition {
	return func(row []any) bool {
		for _, holds := range conditions {
			if !holds(row) {
				return false
			}
		}
		return true
	}
}

func (d *dataset) leaf(name string, op pb.PredicateOp, literals []*pb.Value) (condition, error) {
	i := d.index(name)
	if i < 0 {
		return nil, fmt.Errorf("no such column")
	}
	kind := d.Columns[i].Type
	values := make([]any, len(literals))
	set := make(map[any]bool, len(literals))
	for j, literal := range literals {
		value, err := coerce(literal, kind)
		if err != nil {
			return nil, err
		}
		values[j], set[value] = value, true
	}
	switch op {
	case pb.PredicateOp_PREDICATE_OP_IS_NULL:
		return func(row []any) bool { return row[i] == nil }, nil
	case pb.PredicateOp_PREDICATE_OP_IN:
		return func(row []any) bool { return row[i] != nil && set[row[i]] }, nil
	case pb.PredicateOp_PREDICATE_OP_PREFIX:
		if kind != "string" {
			return nil, fmt.Errorf("prefix needs text")
		}
		return func(row []any) bool {
			text, ok := row[i].(string)
			return ok && strings.HasPrefix(text, values[0].(string))
		}, nil
	}
	holds, ordered := comparisons(op)
	if ordered && kind == "bool" {
		return nil, fmt.Errorf("truth values have no order")
	}
	return func(row []any) bool {
		if number, ok := row[i].(float64); row[i] == nil || ok && math.IsNaN(number) {
			return false
		}
		if op == pb.PredicateOp_PREDICATE_OP_BETWEEN {
			return compare(row[i], values[0]) >= 0 && compare(row[i], values[1]) <= 0
		}
		return holds(compare(row[i], values[0]))
	}, nil
}

// comparisons returns what the order of cell and literal must be, and whether the operator needs one.
func comparisons(op pb.PredicateOp) (func(order int) bool, bool) {
	switch op {
	case pb.PredicateOp_PREDICATE_OP_EQ:
		return func(order int) bool { return order == 0 }, false
	case pb.PredicateOp_PREDICATE_OP_NE:
		return func(order int) bool { return order != 0 }, false
	case pb.PredicateOp_PREDICATE_OP_LT:
		return func(order int) bool { return order < 0 }, true
	case pb.PredicateOp_PREDICATE_OP_LE:
		return func(order int) bool { return order <= 0 }, true
	case pb.PredicateOp_PREDICATE_OP_GT:
		return func(order int) bool { return order > 0 }, true
	}
	return func(order int) bool { return order >= 0 }, true
}

// compare orders two values of one type; UTF-8 is ordered by code point.
func compare(a, b any) int {
	switch a := a.(type) {
	case string:
		return strings.Compare(a, b.(string))
	case float64:
		switch {
		case a < b.(float64):
			return -1
		case a > b.(float64):
			return 1
		}
		return 0
	case bool:
		if a == b.(bool) {
			return 0
		}
		return 1
	}
	switch x, y := a.(int64), b.(int64); {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

// coerce returns a literal as a cell of a column of the type, or an error when it does not fit.
func coerce(literal *pb.Value, kind string) (any, error) {
	unfit := fmt.Errorf("the literal does not fit")
	switch v := literal.GetKind().(type) {
	case *pb.Value_Text:
		switch kind {
		case "string":
			if strings.ContainsRune(v.Text, 0) {
				return nil, unfit
			}
			return v.Text, nil
		case "date32":
			day, err := time.Parse(time.DateOnly, v.Text)
			return day.Unix() / daySeconds, err
		case "timestamp":
			return instant(v.Text)
		}
	case *pb.Value_Integer:
		bits, whole := integerBits[kind]
		if whole && (bits == 64 || v.Integer>>(bits-1) == 0 || v.Integer>>(bits-1) == -1) {
			return v.Integer, nil
		}
		if kind == "float64" {
			return float64(v.Integer), nil
		}
	case *pb.Value_Number:
		bits, whole := integerBits[kind]
		if whole && v.Number == math.Trunc(v.Number) && math.Abs(v.Number) < math.Ldexp(1, bits-1) {
			return int64(v.Number), nil
		}
		if kind == "float64" && math.Abs(v.Number) < math.Ldexp(1, 1023) {
			return v.Number + 0, nil
		}
	case *pb.Value_Truth:
		if kind == "bool" {
			return v.Truth, nil
		}
	case *pb.Value_DateDays:
		switch kind {
		case "date32":
			return int64(v.DateDays), nil
		case "timestamp":
			return int64(v.DateDays) * daySeconds * micros, nil
		}
	case *pb.Value_TimestampMicros:
		if kind == "timestamp" {
			return v.TimestampMicros, nil
		}
	}
	return nil, unfit
}

// instant reads ISO 8601, in UTC without an offset, as microseconds.
func instant(text string) (any, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05Z07:00", time.DateTime, "2006-01-02T15:04", time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UnixMicro(), nil
		}
	}
	return nil, fmt.Errorf("no instant")
}
