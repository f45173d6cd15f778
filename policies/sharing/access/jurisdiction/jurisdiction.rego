# METADATA
# title: Only rows of the requester's jurisdiction
# description: >-
#   Establishes for every dataset the row filter: a prefix of the division code in the column that the purpose names. Look-ups
#   and statistics may reach the whole municipality.
# custom:
#   basis: Personal Information Protection Law, article 34; Shanghai decision of 2022-05-24 on unified city management
package sharing.access.jurisdiction

import data.sharing.access.denial
import data.sharing.access.minimisation
import data.sharing.access.purpose

# Which column bounds the municipality, where a purpose names none: the first that the dataset has.
preferred := ["residence", "premises", "registration"]

default established := false

established if count(row_filters) == count(input.query.datasets)

# METADATA
# description: The condition that every released row meets, by dataset; a dataset where none can be established is missing.
row_filters[dataset.name] := {"op": "prefix", "column": column, "values": [input.requester.division_code]} if {
	minimisation.names_available
	some dataset in input.query.datasets
	kind := purpose.declared.datasets[dataset.name].jurisdiction
	kind != "anywhere"
	column := data.catalog.datasets[dataset.name].jurisdiction[kind]
}

row_filters[dataset.name] := {"op": "prefix", "column": columns[0], "values": [municipality]} if {
	minimisation.names_available
	some dataset in input.query.datasets
	purpose.declared.datasets[dataset.name].jurisdiction == "anywhere"
	bounded(purpose.declared.datasets[dataset.name].lookup_values_max)
	columns := [column | some kind in preferred; column := data.catalog.datasets[dataset.name].jurisdiction[kind]]
	municipality := substring(input.requester.division_code, 0, 2)
}

bounded(_) if purpose.declared.aggregate_only == true

bounded(values_max) if is_number(values_max)

denials contains denial.make("JURISDICTION_UNKNOWN", "jurisdiction", [dataset.name], "CORRECT_PURPOSE", []) if {
	minimisation.names_available
	some dataset in input.query.datasets
	not row_filters[dataset.name]
}
