package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"gopkg.in/yaml.v3"
)

// column is a column of the catalogue.
type column struct {
	Name     string  `yaml:"name"`
	Type     string  `yaml:"type"`
	Nullable *bool   `yaml:"nullable"`
	Buckets  []int64 `yaml:"buckets"`
}

func (c column) nullable() bool { return c.Nullable == nil || *c.Nullable }

// dataset is a dataset of the catalogue with its rows. A cell is nil, string, int64 (integers, days, microseconds), float64 or bool.
type dataset struct {
	Name       string   `yaml:"name"`
	Controller string   `yaml:"controller"`
	Columns    []column `yaml:"columns"`
	rows       [][]any
	asOf       int64
}

func (d *dataset) index(name string) int {
	for i, c := range d.Columns {
		if c.Name == name {
			return i
		}
	}
	return -1
}

var arrowTypes = map[string]arrow.DataType{
	"string":    arrow.BinaryTypes.String,
	"int16":     arrow.PrimitiveTypes.Int16,
	"int32":     arrow.PrimitiveTypes.Int32,
	"int64":     arrow.PrimitiveTypes.Int64,
	"float64":   arrow.PrimitiveTypes.Float64,
	"bool":      arrow.FixedWidthTypes.Boolean,
	"date32":    arrow.FixedWidthTypes.Date32,
	"timestamp": &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"},
}

var integerBits = map[string]int{"int16": 16, "int32": 32, "int64": 64}

func (d *dataset) schema() *arrow.Schema {
	fields := make([]arrow.Field, len(d.Columns))
	for i, c := range d.Columns {
		fields[i] = arrow.Field{Name: c.Name, Type: arrowTypes[c.Type], Nullable: c.nullable()}
	}
	return arrow.NewSchema(fields, nil)
}

// loadDatasets reads `data/<dataset>.csv` of every dataset of the department in the catalogue's folder of datasets. The first line
// names the catalogue's columns, in any order; an empty cell is null.
func loadDatasets(catalogue, data, department string) (map[string]*dataset, error) {
	paths, err := filepath.Glob(filepath.Join(catalogue, "*.yaml"))
	if err != nil {
		return nil, err
	}
	found := map[string]*dataset{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		d := &dataset{}
		if err := yaml.Unmarshal(text, d); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		file := filepath.Join(data, d.Name+".csv")
		if _, err := os.Stat(file); d.Controller != department || err != nil {
			continue
		}
		if err := d.load(file); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		found[d.Name] = d
	}
	return found, nil
}

func (d *dataset) load(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	d.asOf = info.ModTime().Unix()
	reader := csv.NewReader(file)
	header, err := reader.Read()
	if err != nil {
		return err
	}
	position := map[string]int{}
	for i, name := range header {
		position[name] = i
	}
	for {
		record, err := reader.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		row := make([]any, len(d.Columns))
		for i, c := range d.Columns {
			from, known := position[c.Name]
			if !known {
				return fmt.Errorf("column %s is missing", c.Name)
			}
			if row[i], err = cell(record[from], c); err != nil {
				return fmt.Errorf("line %d, column %s: not a %s", len(d.rows)+2, c.Name, c.Type)
			}
		}
		d.rows = append(d.rows, row)
	}
}

// cell reads one cell. Its error does not hold the value.
func cell(text string, c column) (any, error) {
	if text == "" {
		if !c.nullable() {
			return nil, fmt.Errorf("null")
		}
		return nil, nil
	}
	switch c.Type {
	case "string":
		return text, nil
	case "float64":
		return strconv.ParseFloat(text, 64)
	case "bool":
		return strconv.ParseBool(text)
	case "date32":
		day, err := time.Parse(time.DateOnly, text)
		return day.Unix() / daySeconds, err
	case "timestamp":
		return instant(text)
	}
	return strconv.ParseInt(text, 10, integerBits[c.Type])
}
