package sharing.access.purpose_test

import data.sharing.access.fixture_test as fixture
import data.sharing.access.purpose

emergency := {"id": "e1", "area": "310101", "starts_at": 1500, "ends_at": 2500}

inspection := fixture.request("inspection", "population.resident", ["name"])

epidemic := fixture.request("epidemic", "population.resident", ["name"])

test_registered_purpose_is_established if {
	established(fixture.visit)
	denied(fixture.visit, set())
}

test_no_purpose_is_denied if denied(fixture.patched(fixture.visit, ["purpose"], ""), {"PURPOSE_MISSING"})

test_unknown_purpose_is_denied if denied(fixture.patched(fixture.visit, ["purpose"], "Visits"), {"PURPOSE_UNKNOWN"})

test_incomplete_request_says_nothing_about_purposes if {
	denied(fixture.without(fixture.visit, ["requester", "roles"]), set())
	not established(fixture.without(fixture.visit, ["requester", "roles"]))
}

test_purpose_holds_from_its_first_second_to_before_its_last if {
	limited := fixture.patched(fixture.catalog, ["purposes", "visits", "active_until"], 3000)
	at := {time: fixture.codes(purpose.denials) |
		some time in [999, 1000, 2999, 3000]
		purpose.denials with input as fixture.patched(fixture.visit, ["context", "time"], time) with data.catalog as limited
	}
	every time in [1000, 2999] {
		count(purpose.denials) == 0 with input as fixture.patched(fixture.visit, ["context", "time"], time)
			with data.catalog as limited
	}
	every time in [999, 3000] {
		fixture.codes(purpose.denials) == {"PURPOSE_NOT_ACTIVE"} with input as fixture.patched(fixture.visit, ["context", "time"], time)
			with data.catalog as limited
	}
	count(at) == 4
}

test_purpose_without_a_complete_term_is_not_active if {
	every change in [["active_from", "1000"], ["active_until", "3000"]] {
		catalog_denies(fixture.patched(fixture.catalog, ["purposes", "visits", change[0]], change[1]), "PURPOSE_NOT_ACTIVE")
	}
	every name in ["active_from", "active_until"] {
		catalog_denies(fixture.without(fixture.catalog, ["purposes", "visits", name]), "PURPOSE_NOT_ACTIVE")
	}
}

test_other_kind_of_office_is_denied if {
	denied(fixture.patched(fixture.visit, ["requester", "office_kind"], "district"), {"OFFICE_NOT_ENTITLED"})
	catalog_denies(fixture.without(fixture.catalog, ["purposes", "visits", "office_kinds"]), "OFFICE_NOT_ENTITLED")
}

test_other_role_is_denied if {
	denied(fixture.patched(fixture.visit, ["requester", "roles"], ["auditor", "steward"]), {"ROLE_NOT_ENTITLED"})
	catalog_denies(fixture.without(fixture.catalog, ["purposes", "visits", "roles"]), "ROLE_NOT_ENTITLED")
}

test_one_fitting_role_is_enough if {
	established(fixture.patched(fixture.visit, ["requester", "roles"], ["auditor", "clerk"]))
}

test_required_case_must_be_given if denied(inspection, {"CASE_REQUIRED"})

test_case_must_match_as_a_whole if {
	established(fixture.patched(inspection, ["case"], "FS-1234"))
	every case in ["FS-12345", "xFS-1234", "FS-1234\n", "fs-1234", " "] {
		denied(fixture.patched(inspection, ["case"], case), {"CASE_INVALID"})
	}
}

test_any_case_will_do_where_no_form_is_prescribed if {
	free := fixture.patched(fixture.catalog, ["purposes", "inspection", "case_pattern"], null)
	purpose.established with input as fixture.patched(inspection, ["case"], "2026/17") with data.catalog as free
	not purpose.established with input as inspection with data.catalog as free
	established(fixture.patched(fixture.visit, ["case"], "2026/17"))
}

test_missing_rule_about_cases_is_denied if {
	catalog_denies(fixture.without(fixture.catalog, ["purposes", "visits", "case_required"]), "CASE_REQUIRED")
	not purpose.established with input as fixture.patched(inspection, ["case"], "FS-1234")
		with data.catalog as fixture.without(fixture.catalog, ["purposes", "inspection", "case_pattern"])
}

test_emergency_must_be_declared if {
	denied(epidemic, {"EMERGENCY_NOT_DECLARED"})
	established(fixture.patched(epidemic, ["context", "emergencies"], [emergency]))
}

test_emergency_must_be_in_force_at_the_place_and_time if {
	others := [
		fixture.patched(emergency, ["area"], "310104"),
		fixture.patched(emergency, ["area"], "310101002001"),
		fixture.patched(emergency, ["area"], ""),
		fixture.patched(emergency, ["starts_at"], 2001),
		fixture.patched(emergency, ["ends_at"], 2000),
		fixture.patched(emergency, ["starts_at"], "1500"),
		fixture.patched(emergency, ["ends_at"], "2500"),
		fixture.without(emergency, ["area"]),
		fixture.without(emergency, ["starts_at"]),
		fixture.without(emergency, ["ends_at"]),
	]
	every other in others {
		denied(fixture.patched(epidemic, ["context", "emergencies"], [other]), {"EMERGENCY_NOT_DECLARED"})
	}
}

test_missing_rule_about_emergencies_is_denied if {
	catalog_denies(fixture.without(fixture.catalog, ["purposes", "visits", "emergency_required"]), "EMERGENCY_NOT_DECLARED")
}

test_remedy_names_the_purposes_of_the_requester if {
	some denial in purpose.denials with input as fixture.patched(fixture.visit, ["purpose"], "")
		with data.catalog as fixture.catalog
	denial.remedy.en == "Purposes that you may declare: epidemic, inspection, statistics, verification, visits."
	denial.remedy.zh == "您可以申明的用途：epidemic、inspection、statistics、verification、visits。"
}

test_remedy_names_no_purpose_of_others if {
	some denial in purpose.denials with input as fixture.patched(fixture.visit, ["requester", "roles"], ["auditor"])
		with data.catalog as fixture.catalog
	startswith(denial.remedy.en, "No purpose is open to you now")
}

established(document) if purpose.established with input as document with data.catalog as fixture.catalog

denied(document, codes) if {
	codes == fixture.codes(purpose.denials) with input as document with data.catalog as fixture.catalog
}

catalog_denies(catalog, code) if {
	code in fixture.codes(purpose.denials) with input as fixture.visit with data.catalog as catalog
	not purpose.established with input as fixture.visit with data.catalog as catalog
}
