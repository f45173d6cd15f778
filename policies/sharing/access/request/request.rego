# METADATA
# title: The request is complete
# description: >-
#   Establishes that the directory gave every attribute of the requester and that the gateway described the query. Nothing
#   else is judged before.
# custom:
#   basis: Personal Information Protection Law, article 34; Shanghai Data Regulation, article 39
package sharing.access.request

import data.sharing.access.denial

office_kinds := {"city", "district", "street", "department", "audit"}

uses := {"selected", "filtered", "joined", "grouped", "ordered", "aggregated", "looked_up"}

default established := false

established if {
	requester_complete
	described
}

default requester_complete := false

requester_complete if {
	is_string(input.requester.subject)
	input.requester.subject != ""
	is_string(input.requester.office)
	input.requester.office != ""
	office_kinds[input.requester.office_kind]
	regex.match(`^[0-9]{2}([0-9]{4}([0-9]{3})?)?$`, input.requester.division_code)
	is_array(input.requester.roles)
	count(input.requester.roles) > 0
	is_number(data.catalog.grades[input.requester.clearance])
}

default described := false

described if {
	is_string(input.purpose)
	is_string(input.case)
	is_number(input.context.time)
	is_string(input.context.channel)
	is_array(input.context.emergencies)
	is_boolean(input.query.aggregate_only)
	is_array(input.query.unknown_names)
	is_array(input.query.datasets)
	count({dataset.name |
		some dataset in input.query.datasets
		is_string(dataset.name)
		is_array(dataset.columns)
		is_object(dataset.lookup_values)
	}) == count(input.query.datasets)
	count(input.query.datasets) + count(input.query.unknown_names) > 0
}

# METADATA
# description: >-
#   Every name is text, every column is named once, with known uses. For denials only: a column that is not so described is
#   not established by `minimisation` either.
default names_described := false

names_described if {
	described
	every name in input.query.unknown_names {
		is_string(name)
	}
	every dataset in input.query.datasets {
		uses_known(dataset)
	}
}

uses_known(dataset) if {
	names := {column.name | some column in dataset.columns; is_string(column.name); some use in column.uses; uses[use]}
	count(names) == count(dataset.columns)
}

denials contains denial.make("REQUESTER_INCOMPLETE", "request", [], "CORRECT_DIRECTORY", []) if not requester_complete

denials contains denial.make("INPUT_INVALID", "request", [], "QUERY_A_DATASET", []) if not names_described
