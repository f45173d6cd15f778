# METADATA
# title: An emergency opens and closes
# description: >-
#   Establishes, for a purpose or a dataset that exists only in an emergency, that one is declared for this purpose and the
#   requester's division and that it has begun and not ended.
# custom:
#   basis: Emergency Response Law, article 85; Personal Information Protection Law, article 13(1)(4)
package sharing.access.emergency

import data.sharing.access.denial
import data.sharing.access.minimisation
import data.sharing.access.purpose
import data.sharing.access.request

default established := false

established if not_needed

established if {
	not not_needed
	is_string(in_force)
}

default not_needed := false

not_needed if {
	purpose.declared.emergency_required == false
	every dataset in input.query.datasets {
		request.catalogued[dataset.name].emergency_only == false
	}
}

# METADATA
# description: The emergency that the query rests on; of several the one that ends first.
in_force := min([emergency.id |
	some emergency in declared
	count({other.id | some other in declared; other.ends_at < emergency.ends_at}) == 0
])

declared := [emergency |
	some emergency in input.context.emergencies
	is_string(emergency.id)
	input.purpose in emergency.purposes
	emergency.area != ""
	startswith(input.requester.division_code, emergency.area)
	is_number(emergency.starts_at)
	emergency.starts_at <= input.context.time
	is_number(emergency.ends_at)
	input.context.time < emergency.ends_at
]

# METADATA
# description: Id of the emergency at whose end the result must be destroyed; null for everyday work.
opened := null if not_needed

else := in_force

denials contains denial.make("EMERGENCY_NOT_DECLARED", "emergency", [], "WAIT_FOR_EMERGENCY", []) if {
	said
	not established
}

# Of a dataset nothing is said while a name is not available.
said if {
	purpose.declared
	not purpose.declared.emergency_required == false
}

said if minimisation.names_available
