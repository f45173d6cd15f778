# METADATA
# title: Only rows of the requester's jurisdiction
# description: >-
#   Establishes for every dataset the row filter: a prefix of the division code in the column that the purpose names, which may
#   be that of residence or of registration. Codes of divisions that were merged into the requester's count as its own.
#   Look-ups and statistics may reach the whole municipality.
# custom:
#   basis: Personal Information Protection Law, article 34; Shanghai decision of 2022-05-24 on unified city management
package sharing.access.jurisdiction

import data.sharing.access.denial
import data.sharing.access.minimisation
import data.sharing.access.purpose

# Kinds of rows that a purpose bounds by the requester's division.
bounded := {"residence", "premises", "registration"}

default established := false

established if {
	every dataset in input.query.datasets {
		row_filters[dataset.name]
	}
}

# METADATA
# description: The condition that every released row meets, by dataset; a dataset where none can be established is missing.
row_filters[dataset.name] := any_prefix(need.division_column, codes_reached(need)) if {
	minimisation.names_available
	some dataset in input.query.datasets
	need := purpose.needs[dataset.name]
	is_string(need.division_column)
}

codes_reached(need) := own_codes if bounded[need.jurisdiction]

codes_reached(need) := [substring(input.requester.division_code, 0, 2)] if {
	need.jurisdiction == "anywhere"
	few_told(need)
}

few_told(_) if purpose.declared.aggregate_only == true

few_told(need) if is_number(need.lookup_values_max)

# METADATA
# description: The requester's division, and before it divisions that became it or a part of it.
own_codes := array.concat([input.requester.division_code], former) if is_object(data.catalog.former_divisions)

former := [division.code |
	some division in data.catalog.former_divisions[input.requester.division_code]
	is_number(division.since)
	division.since <= input.context.time
]

any_prefix(column, codes) := {"op": "prefix", "column": column, "values": codes} if not codes[1]

any_prefix(column, codes) := {
	"op": "or",
	"operands": [{"op": "prefix", "column": column, "values": [code]} | some code in codes],
} if {
	codes[1]
}

denials contains denial.make("JURISDICTION_UNKNOWN", "jurisdiction", [dataset.name], "CORRECT_PURPOSE", []) if {
	minimisation.names_available
	some dataset in input.query.datasets
	not row_filters[dataset.name]
}
