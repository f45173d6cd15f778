# METADATA
# title: The controller has agreed
# description: >-
#   Establishes, for every dataset that is shared on condition, that an agreement of its controller with the requester's
#   division or office about this dataset, the columns used and this purpose is in force and not stopped. Datasets that
#   are shared without condition need none.
# custom:
#   basis: Shanghai Data Regulation, articles 38, 39 and 40; Personal Information Protection Law, article 20
package sharing.access.agreement

import data.sharing.access.denial
import data.sharing.access.minimisation
import data.sharing.access.purpose
import data.sharing.access.request
import data.sharing.access.stop

default established := false

established if {
	every dataset in input.query.datasets {
		covered(dataset)
	}
}

covered(dataset) if request.catalogued[dataset.name].sharing_class == "unconditional"

covered(dataset) if {
	some pair in in_force
	pair[0] == dataset.name
}

# METADATA
# description: Datasets of the query, each with the id of an agreement in force that covers it.
in_force contains pair if {
	some pair in agreed
	not stop.agreements[pair[1]]
}

# METADATA
# description: The same, agreements that are stopped too.
agreed contains [dataset.name, agreement.id] if {
	purpose.entitled
	some dataset in input.query.datasets
	catalogued := request.catalogued[dataset.name]
	catalogued.sharing_class == "conditional"
	some agreement in input.context.agreements
	agreement.controller == catalogued.controller
	some name in agreement.datasets
	name == dataset.name
	some id in agreement.purposes
	id == input.purpose
	for_office(agreement)
	for_columns(agreement, dataset)
	current(agreement)
}

for_office(agreement) if agreement.office == ""

for_office(agreement) if agreement.office == input.requester.office

for_columns(agreement, _) if agreement.columns == []

for_columns(agreement, dataset) if {
	agreement.columns[0]
	every column in dataset.columns {
		named(agreement, concat(".", [dataset.name, column.name]))
	}
}

named(agreement, column) if {
	some name in agreement.columns
	name == column
}

current(agreement) if {
	is_string(agreement.id)
	not agreement.recipient == ""
	startswith(input.requester.division_code, agreement.recipient)
	is_number(agreement.valid_from)
	agreement.valid_from <= input.context.time
	is_number(agreement.valid_until)
	input.context.time < agreement.valid_until
}

# METADATA
# description: Ids of the agreements that the sharing rests on.
ids := sort({pair[1] | some pair in in_force})

stopped(dataset) if {
	some pair in agreed
	pair[0] == dataset.name
}

controller_title(dataset) := data.catalog.departments[controller].title if {
	controller := data.catalog.datasets[dataset.name].controller
}

denials contains denial.titled(denial.make("AGREEMENT_MISSING", "agreement", [dataset.name], "ASK_DEPARTMENT", [dataset.name]), title) if {
	minimisation.names_available
	some dataset in input.query.datasets
	not covered(dataset)
	not stopped(dataset)
	title := controller_title(dataset)
}

denials contains denial.make("AGREEMENT_MISSING", "agreement", [dataset.name], "CORRECT_PURPOSE", []) if {
	minimisation.names_available
	some dataset in input.query.datasets
	not covered(dataset)
	not stopped(dataset)
	not controller_title(dataset)
}

denials contains denial.make("AGREEMENT_STOPPED", "agreement", [dataset.name], "WAIT_FOR_LIFTING", []) if {
	minimisation.names_available
	some dataset in input.query.datasets
	not covered(dataset)
	stopped(dataset)
}
