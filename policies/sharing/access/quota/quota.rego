# METADATA
# title: The day's quota is not used up
# description: >-
#   Establishes that what the requester has received for the purpose today leaves room for rows and, where the purpose has
#   look-ups, for the keys that the query binds. The day is Shanghai's; the gateway counts, the policy compares.
# custom:
#   basis: Personal Information Protection Law, articles 6 and 51; Network Data Security Regulations, article 9
package sharing.access.quota

import data.sharing.access.denial
import data.sharing.access.minimisation
import data.sharing.access.purpose

default established := false

established if {
	rows_left >= 1
	lookups_left
}

limits := purpose.declared.quota

# METADATA
# description: Rows that the requester may still receive today.
rows_left := limits.rows_per_day_max - input.context.usage.rows if is_number(limits.rows_per_day_max)

default lookups_left := false

lookups_left if {
	limits.lookups_per_day_max == null
	minimisation.keys_bound == {}
}

lookups_left if {
	not limits.lookups_per_day_max == null
	is_number(limits.lookups_per_day_max)
	input.context.usage.lookups + keys <= limits.lookups_per_day_max
}

# METADATA
# description: How many look-up keys the query binds, over all its datasets.
keys := sum([values | some values in minimisation.keys_bound])

denials contains denial.make("QUOTA_EXCEEDED", "quota", [], "TOMORROW_ROWS", [format_int(limits.rows_per_day_max, 10)]) if {
	minimisation.names_available
	rows_left < 1
}

denials contains denial.make("QUOTA_EXCEEDED", "quota", [], "TOMORROW_LOOKUPS", [format_int(limits.lookups_per_day_max, 10)]) if {
	minimisation.names_available
	is_number(limits.lookups_per_day_max)
	not lookups_left
}

denials contains denial.make("QUOTA_EXCEEDED", "quota", [], "CORRECT_PURPOSE", []) if {
	minimisation.names_available
	not limits_registered
}

default limits_registered := false

limits_registered if {
	is_number(limits.rows_per_day_max)
	is_number(limits.lookups_per_day_max)
}

limits_registered if {
	is_number(limits.rows_per_day_max)
	limits.lookups_per_day_max == null
	minimisation.keys_bound == {}
}
