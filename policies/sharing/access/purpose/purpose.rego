# METADATA
# title: The purpose covers the requester
# description: >-
#   Establishes that the declared purpose is registered, in force, open to the requester's office and role, and backed by
#   the case number and the declared emergency that it needs.
# custom:
#   basis: Personal Information Protection Law, article 6; Shanghai Data Regulation, articles 39 and 40
package sharing.access.purpose

import data.sharing.access.denial
import data.sharing.access.request

# METADATA
# description: The registered entry of the declared purpose; undefined when the register does not have it.
declared := data.catalog.purposes[input.purpose] if request.established

default established := false

established if {
	entitled
	case_given
	emergency_declared
}

# METADATA
# description: The purpose is in force and open to the requester; only then is anything said about what it covers.
default entitled := false

entitled if {
	in_force
	office_entitled
	role_entitled
}

default in_force := false

in_force if active(declared.active_from, declared.active_until)

default office_entitled := false

office_entitled if input.requester.office_kind in declared.office_kinds

default role_entitled := false

role_entitled if {
	some role in input.requester.roles
	role in declared.roles
}

active(from, until) if {
	is_number(from)
	from <= input.context.time
	not_over(until)
}

not_over(until) if until == null

not_over(until) if {
	is_number(until)
	input.context.time < until
}

default case_given := false

case_given if {
	declared.case_required == false
	input.case == ""
}

case_given if {
	is_null(declared.case_pattern)
	input.case != ""
}

case_given if {
	input.case != ""
	regex.match(concat("", ["^(?:", declared.case_pattern, ")$"]), input.case)
}

default emergency_declared := false

emergency_declared if declared.emergency_required == false

emergency_declared if {
	declared.emergency_required == true
	some emergency in input.context.emergencies
	emergency.area != ""
	startswith(input.requester.division_code, emergency.area)
	is_number(emergency.starts_at)
	emergency.starts_at <= input.context.time
	is_number(emergency.ends_at)
	input.context.time < emergency.ends_at
}

# METADATA
# description: Every purpose that the requester could declare now. For remedies only.
usable contains id if {
	some id, purpose in data.catalog.purposes
	active(purpose.active_from, purpose.active_until)
	input.requester.office_kind in purpose.office_kinds
	some role in input.requester.roles
	role in purpose.roles
}

default choice := "NO_PURPOSE"

choice := "DECLARE_PURPOSE" if count(usable) > 0

denials contains denial.make("PURPOSE_MISSING", "purpose", [], choice, sort(usable)) if {
	request.established
	input.purpose == ""
}

denials contains denial.make("PURPOSE_UNKNOWN", "purpose", [], choice, sort(usable)) if {
	request.established
	input.purpose != ""
	not declared
}

denials contains denial.make("PURPOSE_NOT_ACTIVE", "purpose", [], choice, sort(usable)) if {
	declared
	not in_force
}

denials contains denial.make("OFFICE_NOT_ENTITLED", "purpose", [], choice, sort(usable)) if {
	declared
	not office_entitled
}

denials contains denial.make("ROLE_NOT_ENTITLED", "purpose", [], choice, sort(usable)) if {
	declared
	not role_entitled
}

denials contains denial.make("CASE_REQUIRED", "purpose", [], "SEND_CASE", []) if {
	declared
	input.case == ""
	not case_given
}

denials contains denial.make("CASE_INVALID", "purpose", [], "CHECK_CASE", []) if {
	declared
	input.case != ""
	not case_given
}

denials contains denial.make("EMERGENCY_NOT_DECLARED", "purpose", [], "WAIT_FOR_EMERGENCY", []) if {
	declared
	not emergency_declared
}
