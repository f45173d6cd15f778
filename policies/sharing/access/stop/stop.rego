# METADATA
# title: Nothing is stopped
# description: >-
#   Establishes that no controller, and no administrator for it, has stopped a dataset or column of the query, or its
#   datasets for the requester's office. An agreement that is stopped counts as none. In an emergency too.
# custom:
#   basis: Data Security Law, article 29; Personal Information Protection Law, article 57; Shanghai Data Regulation, article 39
package sharing.access.stop

import data.sharing.access.denial
import data.sharing.access.minimisation
import data.sharing.access.request

default established := false

established if input.context.stops == []

established if {
	request.stops_described
	every dataset in input.query.datasets {
		goes_on(dataset)
	}
}

goes_on(dataset) if {
	not datasets[dataset.name]
	shared_with_office(dataset)
	going_on := {column.name |
		some column in dataset.columns
		path := concat(".", [dataset.name, column.name])
		not columns[path]
	}
	count(going_on) == count(dataset.columns)
}

shared_with_office(dataset) if {
	controller := request.catalogued[dataset.name].controller
	not controllers[controller]
}

datasets := targets("dataset")

columns := targets("column")

# METADATA
# description: Ids of the agreements that are stopped.
agreements := targets("agreement")

# METADATA
# description: Controllers that have stopped sharing with the requester's office.
controllers := {stop.controller |
	some stop in input.context.stops
	stop.kind == "office"
	stop.target == input.requester.office
}

targets(kind) := {stop.target |
	some stop in input.context.stops
	stop.kind == kind
}

denials contains denial.make("DATASET_STOPPED", "stop", [dataset.name], "WAIT_FOR_LIFTING", []) if {
	minimisation.names_available
	some dataset in input.query.datasets
	datasets[dataset.name]
}

denials contains denial.make("COLUMN_STOPPED", "stop", [path], "WAIT_FOR_COLUMN", []) if {
	minimisation.names_available
	some dataset in input.query.datasets
	some column in dataset.columns
	path := concat(".", [dataset.name, column.name])
	columns[path]
}

denials contains denial.make("OFFICE_STOPPED", "stop", [dataset.name], "WAIT_FOR_LIFTING", []) if {
	minimisation.names_available
	not established
	some dataset in input.query.datasets
	not shared_with_office(dataset)
}
