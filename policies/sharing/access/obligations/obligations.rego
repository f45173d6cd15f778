# METADATA
# title: What the recipient accepts
# description: >-
#   Establishes the obligations that come with the result: how many rows, how long they may be kept, whether they may be
#   passed on, and for statistics how many people a group has at least.
# custom:
#   basis: Shanghai Data Regulation, article 40; Network Data Security Regulations, article 12
package sharing.access.obligations

import data.sharing.access.denial
import data.sharing.access.purpose

default established := false

established if {
	accepted.rows_max >= 1
	group_protected
}

# METADATA
# description: The obligations of the declared purpose; undefined when one is missing.
accepted := {
	"rows_max": registered.rows_max,
	"retention_days": registered.retention_days,
	"onward_sharing": registered.onward_sharing,
} if {
	purpose.entitled
	registered := purpose.declared.obligations
	is_number(registered.rows_max)
	is_number(registered.retention_days)
	registered.retention_days >= 1
	is_boolean(registered.onward_sharing)
}

# METADATA
# description: A statistic describes at least so many people; rows have no such bound.
default group_protected := false

group_protected if {
	purpose.declared.aggregate_only == false
	purpose.declared.people_min == null
}

group_protected if {
	purpose.declared.aggregate_only == true
	is_number(purpose.declared.people_min)
	purpose.declared.people_min >= 2
}

denials contains denial.make("OBLIGATIONS_UNKNOWN", "obligations", [], "CORRECT_PURPOSE", []) if {
	purpose.entitled
	not established
}
