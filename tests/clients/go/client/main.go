// What a person does with the ADBC driver in Go. Arguments: host:port and purpose; the token is in SHARING_TOKEN.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/apache/arrow-adbc/go/adbc"
	"github.com/apache/arrow-adbc/go/adbc/driver/flightsql"
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

const table = "legal_entity.enterprise"

type catalog struct {
	Schemas []struct {
		Name   string `json:"db_schema_name"`
		Tables []struct {
			Name string `json:"table_name"`
			Type string `json:"table_type"`
		} `json:"db_schema_tables"`
	} `json:"catalog_db_schemas"`
}

func main() {
	database, err := flightsql.NewDriver(memory.DefaultAllocator).NewDatabase(map[string]string{
		adbc.OptionKeyURI:                                         "grpc://" + os.Args[1],
		flightsql.OptionAuthorizationHeader:                       "Bearer " + os.Getenv("SHARING_TOKEN"),
		flightsql.OptionRPCCallHeaderPrefix + "x-sharing-purpose": os.Args[2],
	})
	check(err)
	defer database.Close()
	connection, err := database.Open(context.Background())
	check(err)
	defer connection.Close()
	listed(connection)
	prepared(connection)
	cancelled(connection)
	refused(connection, "SELECT registered_capital FROM "+table)
	refused(connection, "DELETE FROM "+table)
}

func listed(connection adbc.Connection) {
	reader, err := connection.GetObjects(context.Background(), adbc.ObjectDepthTables, nil, nil, nil, nil, nil)
	check(err)
	defer reader.Release()
	for reader.Next() {
		listed, err := reader.RecordBatch().MarshalJSON()
		check(err)
		var catalogs []catalog
		check(json.Unmarshal(listed, &catalogs))
		for _, schema := range catalogs[0].Schemas {
			for _, table := range schema.Tables {
				fmt.Printf("%s: %s.%s\n", table.Type, schema.Name, table.Name)
			}
		}
	}
	columns, err := connection.GetTableSchema(context.Background(), nil, pointer("legal_entity"), "enterprise")
	check(err)
	fmt.Printf("columns: %d, first: %s %s\n", columns.NumFields(), columns.Field(0).Name, columns.Field(0).Type)
}

func prepared(connection adbc.Connection) {
	statement := ask(connection, "SELECT count(*) AS enterprises FROM "+table+" WHERE enterprise_kind = ?")
	defer statement.Close()
	check(statement.Prepare(context.Background()))
	for _, kind := range []string{"company", "x' OR 'a' = 'a"} {
		builder := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{{Name: "1", Type: arrow.BinaryTypes.String}}, nil))
		builder.Field(0).(*array.StringBuilder).Append(kind)
		check(statement.Bind(context.Background(), builder.NewRecordBatch()))
		reader, _, err := statement.ExecuteQuery(context.Background())
		check(err)
		reader.Next()
		fmt.Printf("prepared: %s enterprises of kind %s\n", reader.RecordBatch().Column(0).ValueStr(0), kind)
		reader.Release()
	}
}

func cancelled(connection adbc.Connection) {
	asked, cancel := context.WithCancel(context.Background())
	defer cancel()
	statement := ask(connection, "SELECT credit_code, name FROM "+table)
	defer statement.Close()
	reader, _, err := statement.ExecuteQuery(asked)
	check(err)
	defer reader.Release()
	var rows int64
	for reader.Next() {
		rows += reader.RecordBatch().NumRows()
		cancel()
	}
	var typed adbc.Error
	stopped := errors.As(reader.Err(), &typed) && typed.Code == adbc.StatusCancelled
	fmt.Printf("cancelled: %t, before the last row: %t\n", stopped, rows < 1_000_000)
}

func refused(connection adbc.Connection, sql string) {
	statement := ask(connection, sql)
	defer statement.Close()
	reader, _, err := statement.ExecuteQuery(context.Background())
	var typed adbc.Error
	if !errors.As(err, &typed) {
		reader.Release()
		log.Fatalf("not refused: %s", sql)
	}
	fmt.Printf("refused: %s: %s\n", typed.Code, typed.Msg)
}

func ask(connection adbc.Connection, sql string) adbc.Statement {
	statement, err := connection.NewStatement()
	check(err)
	check(statement.SetSqlQuery(sql))
	return statement
}

func pointer(text string) *string { return &text }

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
