# METADATA
# title: What the recipient accepts
# description: >-
#   Establishes the obligations that come with the result: how many rows, how long they may be kept, whether they may be
#   passed on, and for statistics how many people a group has at least. The result bears the highest grade of its columns,
#   the agreements it rests on, and the emergency at whose end it must be destroyed.
# custom:
#   basis: Shanghai Data Regulation, article 40; Network Data Security Regulations, article 12; GB/T 43697-2024
package sharing.access.obligations

import data.sharing.access.agreement
import data.sharing.access.clearance
import data.sharing.access.denial
import data.sharing.access.emergency
import data.sharing.access.purpose
import data.sharing.access.quota

default established := false

established if {
	registered.rows_max >= 1
	group_protected
}

# METADATA
# description: The obligations of the declared purpose; undefined when one is missing.
registered := obligations if {
	purpose.entitled
	obligations := purpose.declared.obligations
	is_number(obligations.rows_max)
	is_number(obligations.retention_days)
	obligations.retention_days >= 1
	is_boolean(obligations.onward_sharing)
}

# METADATA
# description: What comes with the result of this query; undefined while another rule has not established its facts.
accepted := {
	"rows_max": rows_max,
	"rows_per_day_max": quota.limits.rows_per_day_max,
	"lookups_per_day_max": quota.limits.lookups_per_day_max,
	"retention_days": registered.retention_days,
	"onward_sharing": registered.onward_sharing,
	"grade": clearance.highest_grade,
	"agreements": agreement.ids,
	"emergency": emergency.opened,
}

rows_max := quota.rows_left if quota.rows_left < registered.rows_max

else := registered.rows_max

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
