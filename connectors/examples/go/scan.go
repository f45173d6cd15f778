package main

import (
	"bytes"
	"crypto/sha256"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "sharing.example/connector/pb/connector"
)

const (
	batchRowsMax  = 2048
	batchBytesMax = 2 << 20
)

// scan is a grant that can be carried out.
type scan struct {
	dataset    *dataset
	columns    []int
	treatments []treatment
	schema     *arrow.Schema
	holds      condition
	rowsMax    int64
}

// plan holds a verified grant against the dataset.
func (s *server) plan(grant *pb.ScanGrant) (*scan, error) {
	d := s.datasets[grant.GetDataset()]
	if d == nil {
		return nil, refused("DATASET_UNKNOWN")
	}
	planned := &scan{dataset: d, rowsMax: grant.GetRowsMax()}
	actions, fields := map[string]string{}, []arrow.Field{}
	for _, granted := range grant.GetColumns() {
		i := d.index(granted.GetName())
		if i < 0 {
			return nil, refused("COLUMN_UNKNOWN")
		}
		treat := treatmentOf(granted.GetAction(), granted.GetMask(), d.Columns[i], grant.GetPseudonymKey())
		if treat == nil {
			return nil, refused("TREATMENT")
		}
		c := d.Columns[i]
		actions[c.Name] = granted.GetAction()
		fields = append(fields, arrow.Field{Name: c.Name, Type: arrowTypes[c.Type], Nullable: c.nullable() || granted.GetAction() == "null"})
		planned.columns, planned.treatments = append(planned.columns, i), append(planned.treatments, treat)
	}
	planned.schema = arrow.NewSchema(fields, nil)
	if grant.PushedFilter != nil && !onlyClear(grant.GetPushedFilter(), actions) {
		return nil, refused("PREDICATE")
	}
	conditions, err := d.conditions(grant)
	if err != nil {
		return nil, refused("PREDICATE")
	}
	planned.holds = every(conditions)
	return planned, nil
}

// onlyClear tells whether the requester's own predicate tests clear columns only: it would tell others' values one by one.
func onlyClear(p *pb.Predicate, actions map[string]string) bool {
	if action, sent := actions[p.GetColumn()]; sent && action != "clear" {
		return false
	}
	for _, operand := range p.GetOperands() {
		if !onlyClear(operand, actions) {
			return false
		}
	}
	return true
}

func (d *dataset) conditions(grant *pb.ScanGrant) ([]condition, error) {
	predicates := []*pb.Predicate{grant.GetRowFilter()}
	if grant.PushedFilter != nil {
		predicates = append(predicates, grant.GetPushedFilter())
	}
	if lookup := grant.GetLookup(); lookup != nil {
		predicates = append(predicates, &pb.Predicate{
			Op: pb.PredicateOp_PREDICATE_OP_IN, Column: lookup.GetColumn(), Values: lookup.GetValues(),
		})
	}
	var conditions []condition
	for _, p := range predicates {
		c, err := d.compile(p)
		if err != nil {
			return nil, err
		}
		conditions = append(conditions, c)
	}
	return conditions, nil
}

// Scan streams what one grant allows.
func (s *server) Scan(request *pb.ScanRequest, stream grpc.ServerStreamingServer[pb.ScanResponse]) error {
	select {
	case s.running <- struct{}{}:
		defer func() { <-s.running }()
	default:
		return status.Error(codes.ResourceExhausted, "BUSY")
	}
	grant, err := s.verified(request, seconds())
	if err != nil {
		return err
	}
	planned, err := s.plan(grant)
	if err != nil {
		return err
	}
	digest, rows, waiting := sha256.New(), int64(0), [][]any{}
	send := func() error {
		for _, message := range planned.encoded(waiting) {
			digest.Write(message)
			if err := stream.Send(&pb.ScanResponse{Payload: &pb.ScanResponse_RecordBatch{RecordBatch: message}}); err != nil {
				return err
			}
		}
		waiting = waiting[:0]
		return stream.Context().Err()
	}
	for _, row := range planned.dataset.rows {
		if planned.rowsMax > 0 && rows == planned.rowsMax {
			break
		}
		if planned.holds(row) {
			rows, waiting = rows+1, append(waiting, row)
		}
		if len(waiting) == batchRowsMax {
			if err := send(); err != nil {
				return status.Error(codes.Canceled, "CANCELLED")
			}
		}
	}
	if err := send(); err != nil {
		return status.Error(codes.Canceled, "CANCELLED")
	}
	end := &pb.ScanEnd{Rows: rows, Sha256: digest.Sum(nil), AsOf: planned.dataset.asOf}
	return stream.Send(&pb.ScanResponse{Payload: &pb.ScanResponse_End{End: end}})
}

// encoded returns the rows as messages of at most 2 MiB.
func (p *scan) encoded(rows [][]any) [][]byte {
	if len(rows) == 0 {
		return nil
	}
	builder := array.NewRecordBuilder(memory.DefaultAllocator, p.schema)
	defer builder.Release()
	for i, from := range p.columns {
		for _, row := range rows {
			value := row[from]
			if value != nil {
				value = p.treatments[i](value)
			}
			appendCell(builder.Field(i), value)
		}
	}
	batch := builder.NewRecordBatch()
	defer batch.Release()
	payload, err := ipc.GetRecordBatchPayload(batch)
	if err != nil {
		panic(err)
	}
	defer payload.Release()
	var message bytes.Buffer
	if _, err := payload.WritePayload(&message); err != nil {
		panic(err)
	}
	if message.Len() > batchBytesMax && len(rows) > 1 {
		half := len(rows) / 2
		return append(p.encoded(rows[:half]), p.encoded(rows[half:])...)
	}
	return [][]byte{message.Bytes()}
}

func appendCell(builder array.Builder, value any) {
	if value == nil {
		builder.AppendNull()
		return
	}
	switch b := builder.(type) {
	case *array.StringBuilder:
		b.Append(value.(string))
	case *array.Int16Builder:
		b.Append(int16(value.(int64)))
	case *array.Int32Builder:
		b.Append(int32(value.(int64)))
	case *array.Int64Builder:
		b.Append(value.(int64))
	case *array.Float64Builder:
		b.Append(value.(float64))
	case *array.BooleanBuilder:
		b.Append(value.(bool))
	case *array.Date32Builder:
		b.Append(arrow.Date32(value.(int64)))
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(value.(int64)))
	}
}
