# METADATA
# title: Access to shared data
# description: >-
#   Decides one whole query. It is allowed when every rule has established its facts; what a rule cannot establish is a denial.
#   Pure: time, what the registers say, and the requester's attributes are part of the input.
# custom:
#   basis: Personal Information Protection Law, articles 6 and 34; Shanghai decision of 2022-05-24 on unified city management
package sharing.access

import data.sharing.access.agreement
import data.sharing.access.clearance
import data.sharing.access.consent
import data.sharing.access.emergency
import data.sharing.access.jurisdiction
import data.sharing.access.minimisation
import data.sharing.access.obligations
import data.sharing.access.purpose
import data.sharing.access.quota
import data.sharing.access.request
import data.sharing.access.statistics
import data.sharing.access.stop

# METADATA
# title: Decision
# description: The answer that the gateway enforces.
# entrypoint: true
decision := {
	"allow": true,
	"datasets": {dataset.name: {
		"columns": minimisation.treatments[dataset.name],
		"row_filter": jurisdiction.row_filters[dataset.name],
		"lookup_values_max": purpose.needs[dataset.name].lookup_values_max,
	} |
		some dataset in input.query.datasets
	},
	"people_min": purpose.declared.people_min,
	"obligations": obligations.accepted,
	"denials": [],
	"determined_by": ["agreement", "clearance", "consent", "emergency", "jurisdiction", "minimisation", "obligations", "purpose", "quota", "request", "statistics", "stop"],
} if {
	allow
}

decision := {
	"allow": false,
	"datasets": datasets_denied,
	"people_min": null,
	"obligations": null,
	"denials": [entry[4] | some entry in sort([[d.code, d.rule, d.message.en, d.remedy.en, d] | some d in denials])],
	"determined_by": sort({d.rule | some d in denials}),
} if {
	not allow
}

default allow := false

allow if {
	request.established
	purpose.established
	minimisation.established
	statistics.established
	clearance.established
	jurisdiction.established
	agreement.established
	stop.established
	consent.established
	emergency.established
	quota.established
	obligations.established
}

# METADATA
# description: An incomplete request is not judged any further.
denials := request.denials if count(request.denials) > 0

denials := union({
	purpose.denials,
	minimisation.denials,
	statistics.denials,
	clearance.denials,
	jurisdiction.denials,
	agreement.denials,
	stop.denials,
	consent.denials,
	emergency.denials,
	quota.denials,
	obligations.denials,
}) if {
	count(request.denials) == 0
}

# METADATA
# description: What would leave if nothing else stood against it; empty while a name of the query is not available.
default datasets_denied := {}

datasets_denied := {dataset.name: {
	"columns": {column.name: clearance.treatment(dataset.name, column.name) | some column in dataset.columns},
	"row_filter": null,
	"lookup_values_max": null,
} |
	some dataset in input.query.datasets
} if {
	minimisation.names_available
}
