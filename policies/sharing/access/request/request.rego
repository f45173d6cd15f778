# METADATA
# title: The request is complete
# description: >-
#   Establishes that the directory gave every attribute of the requester, that nobody has revoked the requester's access, and
#   that the gateway described the query and what the registers say about it. Nothing else is judged before.
# custom:
#   basis: Personal Information Protection Law, article 34; Shanghai Data Regulation, article 39
package sharing.access.request

import data.sharing.access.denial

office_kinds := {"city", "district", "street", "department", "audit"}

case_states := {"open", "closed", "unknown", "unchecked"}

stop_kinds := {"dataset", "column", "office", "agreement"}

uses := {"selected", "filtered", "joined", "grouped", "ordered", "aggregated", "counted", "summed", "looked_up"}

# METADATA
# description: The datasets of the catalogue, by name.
catalogued := data.catalog.datasets

default established := false

established if {
	requester_complete
	input.requester.revoked == false
	surroundings_described
	described
}

default requester_complete := false

requester_complete if {
	requester := input.requester
	not requester.subject == ""
	not requester.office == ""
	concat("", [requester.subject, requester.office])
	office_kinds[requester.office_kind]
	regex.match(`^[0-9]{2}([0-9]{4}([0-9]{3})?)?$`, requester.division_code)
	is_array(requester.roles)
	some _ in requester.roles
	data.catalog.grades_within[requester.clearance][requester.clearance] == true
}

# METADATA
# description: What the gateway knows beside the query itself.
default surroundings_described := false

surroundings_described if {
	context := input.context
	concat("", [input.purpose, input.case, context.channel])
	is_number(context.time)
	case_states[context.case_state]
	is_array(context.emergencies)
	is_array(context.agreements)
	stops_described
	context.usage.rows == abs(context.usage.rows)
	context.usage.lookups == abs(context.usage.lookups)
}

default stops_described := false

stops_described if input.context.stops == []

stops_described if {
	input.context.stops[0]
	every stop in input.context.stops {
		stop_kinds[stop.kind]
		concat("", [stop.controller, stop.target])
	}
}

default described := false

described if {
	query := input.query
	is_boolean(query.aggregate_only)
	is_array(query.datasets)
	anything_named
	count({dataset.name |
		some dataset in query.datasets
		is_array(dataset.columns)
		is_object(dataset.lookup_values)
		is_number(dataset.consents)
	}) == count(query.datasets)
}

anything_named if input.query.datasets[0]

anything_named if input.query.unknown_names[0]

# METADATA
# description: >-
#   Every name is text, every column is named once, with known uses. For denials only: a column that is not so described is
#   not established by `minimisation` either.
default names_described := false

names_described if {
	surroundings_described
	is_boolean(input.context.purpose_revoked)
	described
	is_array(input.query.unknown_names)
	every name in input.query.unknown_names {
		is_string(name)
	}
	every dataset in input.query.datasets {
		uses_known(dataset)
	}
}

uses_known(dataset) if {
	is_string(dataset.name)
	names := {column.name | some column in dataset.columns; is_string(column.name); some use in column.uses; uses[use]}
	count(names) == count(dataset.columns)
}

default revocation_known := false

revocation_known if is_boolean(input.requester.revoked)

denials contains denial.make("REQUESTER_INCOMPLETE", "request", [], "CORRECT_DIRECTORY", []) if not requester_complete

denials contains denial.make("REQUESTER_INCOMPLETE", "request", [], "CORRECT_DIRECTORY", []) if not revocation_known

denials contains denial.make("REQUESTER_REVOKED", "request", [], "ASK_ADMINISTRATOR", []) if input.requester.revoked == true

denials contains denial.make("INPUT_INVALID", "request", [], "QUERY_A_DATASET", []) if not names_described
