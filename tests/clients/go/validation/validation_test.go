// The ADBC project's own validation suite, over the gateway. The address, token and purpose are in the environment;
// the gateway's catalogue has the suite's sample tables, since nothing can be made in it.
package validation

import (
	"os"
	"testing"

	"github.com/apache/arrow-adbc/go/adbc"
	"github.com/apache/arrow-adbc/go/adbc/driver/flightsql"
	"github.com/apache/arrow-adbc/go/adbc/validation"
	"github.com/apache/arrow-go/v18/arrow"
	flight "github.com/apache/arrow-go/v18/arrow/flight/flightsql"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/stretchr/testify/suite"
)

type gateway struct{ allocator *memory.CheckedAllocator }

func (g *gateway) SetupDriver(*testing.T) adbc.Driver {
	g.allocator = memory.NewCheckedAllocator(memory.DefaultAllocator)
	return flightsql.NewDriver(g.allocator)
}

func (g *gateway) TearDownDriver(t *testing.T, _ adbc.Driver) { g.allocator.AssertSize(t, 0) }

func (g *gateway) DatabaseOptions() map[string]string {
	return map[string]string{
		adbc.OptionKeyURI:                                         os.Getenv("SHARING_ENDPOINT"),
		flightsql.OptionAuthorizationHeader:                       "Bearer " + os.Getenv("SHARING_TOKEN"),
		flightsql.OptionRPCCallHeaderPrefix + "x-sharing-purpose": os.Getenv("SHARING_PURPOSE"),
	}
}

func (g *gateway) GetMetadata(code adbc.InfoCode) interface{} {
	switch code {
	case adbc.InfoDriverName:
		return "ADBC Flight SQL Driver - Go"
	case adbc.InfoDriverVersion, adbc.InfoDriverArrowVersion:
		return "(unknown or development build)"
	case adbc.InfoDriverADBCVersion:
		return adbc.AdbcVersion1_1_0
	case adbc.InfoVendorName:
		return "sharing-gateway"
	case adbc.InfoVendorVersion:
		return os.Getenv("SHARING_VERSION")
	case adbc.InfoVendorArrowVersion:
		return os.Getenv("SHARING_ARROW_VERSION")
	}
	return nil
}

func (g *gateway) Alloc() memory.Allocator                           { return g.allocator }
func (g *gateway) BindParameter(int) string                          { return "?" }
func (g *gateway) Catalog() string                                   { return os.Getenv("SHARING_CATALOG") }
func (g *gateway) DBSchema() string                                  { return "validation" }
func (g *gateway) CreateSampleTable(string, arrow.RecordBatch) error { return nil }
func (g *gateway) DropTable(adbc.Connection, string) error           { return nil }
func (g *gateway) SupportsBulkIngest(string) bool                    { return false }
func (g *gateway) SupportsConcurrentStatements() bool                { return true }
func (g *gateway) SupportsCurrentCatalogSchema() bool                { return false }
func (g *gateway) SupportsDynamicParameterBinding() bool             { return true }
func (g *gateway) SupportsErrorIngestIncompatibleSchema() bool       { return false }
func (g *gateway) SupportsExecuteSchema() bool                       { return true }
func (g *gateway) SupportsGetParameterSchema() bool                  { return true }
func (g *gateway) SupportsGetSetOptions() bool                       { return true }
func (g *gateway) SupportsPartitionedData() bool                     { return true }
func (g *gateway) SupportsStatistics() bool                          { return false }
func (g *gateway) SupportsTransactions() bool                        { return false }

// SampleTableSchemaMetadata is what the gateway tells of a column besides its name and type.
func (g *gateway) SampleTableSchemaMetadata(table string, kind arrow.DataType) arrow.Metadata {
	told := map[string]string{
		"ARROW:FLIGHT:SQL:DB_SCHEMA_NAME": "validation", flight.TableNameKey: table, flight.TypeNameKey: "VARCHAR",
		flight.IsAutoIncrementKey: "0", flight.IsCaseSensitiveKey: "1", flight.IsReadOnlyKey: "1", flight.IsSearchableKey: "1",
		flight.RemarksKey: "驱动程序验证 / Validation of drivers", "sharing.title_zh": "驱动程序验证", "sharing.title_en": "Validation of drivers",
		"sharing.grade": "general-1", "sharing.treatments": `{"benchmark": "clear"}`,
	}
	if kind.ID() == arrow.INT64 {
		told[flight.TypeNameKey], told[flight.IsCaseSensitiveKey] = "BIGINT", "0"
		told[flight.PrecisionKey], told[flight.ScaleKey] = "19", "0"
	}
	return arrow.MetadataFrom(told)
}

func TestDatabase(t *testing.T)   { suite.Run(t, &validation.DatabaseTests{Quirks: &gateway{}}) }
func TestConnection(t *testing.T) { suite.Run(t, &validation.ConnectionTests{Quirks: &gateway{}}) }
func TestStatement(t *testing.T)  { suite.Run(t, &validation.StatementTests{Quirks: &gateway{}}) }
