# METADATA
# title: The purpose covers the requester
# description: >-
#   Establishes that the declared purpose is registered, in force, not revoked, open to the requester's office and role, and
#   backed by an open case of the prescribed form where it needs one. Where no case register is connected, the form counts.
# custom:
#   basis: Personal Information Protection Law, article 6; Shanghai Data Regulation, articles 39 and 40
package sharing.access.purpose

import data.sharing.access.denial
import data.sharing.access.request

# METADATA
# description: The registered entry of the declared purpose; undefined when the register does not have it.
declared := data.catalog.purposes[input.purpose] if request.established

# METADATA
# description: What the declared purpose needs of each dataset.
needs := declared.datasets

default established := false

established if {
	entitled
	case_given
	case_open
}

# METADATA
# description: The purpose is in force and open to the requester; only then is anything said about what it covers.
default entitled := false

entitled if {
	in_force
	input.context.purpose_revoked == false
	office_entitled
	role_entitled
}

default in_force := false

in_force if active(declared.active_from, declared.active_until)

default office_entitled := false

office_entitled if {
	some kind in declared.office_kinds
	kind == input.requester.office_kind
}

default role_entitled := false

role_entitled if {
	some role in input.requester.roles
	some entitled_role in declared.roles
	role == entitled_role
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
	declared.case_pattern == null
	not input.case == ""
}

case_given if {
	not input.case == ""
	regex.match(concat("", ["^(?:", declared.case_pattern, ")$"]), input.case)
}

default case_open := false

case_open if declared.case_required == false

case_open if input.context.case_state == "open"

case_open if input.context.case_state == "unchecked"

# METADATA
# description: Every purpose that the requester could declare now. For remedies only.
usable contains id if {
	some id, purpose in data.catalog.purposes
	not withdrawn(id)
	active(purpose.active_from, purpose.active_until)
	input.requester.office_kind in purpose.office_kinds
	some role in input.requester.roles
	role in purpose.roles
}

withdrawn(id) if {
	id == input.purpose
	input.context.purpose_revoked == true
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

denials contains denial.make("PURPOSE_REVOKED", "purpose", [], choice, sort(usable)) if {
	declared
	input.context.purpose_revoked == true
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

denials contains denial.make("CASE_NOT_OPEN", "purpose", [], "CHECK_CASE_OPEN", []) if {
	declared
	case_given
	not case_open
}
