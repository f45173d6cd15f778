# METADATA
# title: The controller has agreed
# description: >-
#   Establishes, for every dataset that is shared on condition, that an agreement of its controller with the requester's
#   division about this dataset and this purpose is in force. Datasets that are shared without condition need none.
# custom:
#   basis: Shanghai Data Regulation, articles 38, 39 and 40; Personal Information Protection Law, article 20
package sharing.access.agreement

import data.sharing.access.denial
import data.sharing.access.minimisation
import data.sharing.access.purpose
import data.sharing.access.request

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
in_force contains [dataset.name, agreement.id] if {
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
	current(agreement)
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

controller_title(dataset) := data.catalog.departments[controller].title if {
	controller := data.catalog.datasets[dataset.name].controller
}

denials contains denial.titled(denial.make("AGREEMENT_MISSING", "agreement", [dataset.name], "ASK_DEPARTMENT", [dataset.name]), title) if {
	minimisation.names_available
	some dataset in input.query.datasets
	not covered(dataset)
	title := controller_title(dataset)
}

denials contains denial.make("AGREEMENT_MISSING", "agreement", [dataset.name], "CORRECT_PURPOSE", []) if {
	minimisation.names_available
	some dataset in input.query.datasets
	not covered(dataset)
	not controller_title(dataset)
}
