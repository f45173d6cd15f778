package sharing.access.purpose_test

import data.sharing.access.fixture_test as fixture
import data.sharing.access.purpose

inspection := fixture.request("inspection", "population.resident", ["name"])

test_allows_a_registered_purpose if {
	established(fixture.visit)
	denied(fixture.visit, set())
}

test_denies_no_purpose if denied(fixture.patched(fixture.visit, ["purpose"], ""), {"PURPOSE_MISSING"})

test_denies_an_unknown_purpose if denied(fixture.patched(fixture.visit, ["purpose"], "Visits"), {"PURPOSE_UNKNOWN"})

test_missing_role_says_nothing_about_purposes if {
	denied(fixture.without(fixture.visit, ["requester", "roles"]), set())
	not established(fixture.without(fixture.visit, ["requester", "roles"]))
}

test_allows_from_the_first_second_of_the_purpose_to_before_its_last if {
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

test_missing_term_of_the_purpose_is_denied if {
	every change in [["active_from", "1000"], ["active_until", "3000"]] {
		catalog_denies(fixture.patched(fixture.catalog, ["purposes", "visits", change[0]], change[1]), "PURPOSE_NOT_ACTIVE")
	}
	every name in ["active_from", "active_until"] {
		catalog_denies(fixture.without(fixture.catalog, ["purposes", "visits", name]), "PURPOSE_NOT_ACTIVE")
	}
}

test_denies_another_kind_of_office if {
	denied(fixture.patched(fixture.visit, ["requester", "office_kind"], "district"), {"OFFICE_NOT_ENTITLED"})
	catalog_denies(fixture.without(fixture.catalog, ["purposes", "visits", "office_kinds"]), "OFFICE_NOT_ENTITLED")
}

test_denies_another_role if {
	denied(fixture.patched(fixture.visit, ["requester", "roles"], ["auditor", "steward"]), {"ROLE_NOT_ENTITLED"})
	catalog_denies(fixture.without(fixture.catalog, ["purposes", "visits", "roles"]), "ROLE_NOT_ENTITLED")
}

test_allows_one_fitting_role if {
	established(fixture.patched(fixture.visit, ["requester", "roles"], ["auditor", "clerk"]))
}

test_denies_without_the_case_that_is_required if denied(inspection, {"CASE_REQUIRED"})

test_denies_a_case_that_does_not_match_as_a_whole if {
	established(fixture.patched(inspection, ["case"], "FS-1234"))
	every case in ["FS-12345", "xFS-1234", "FS-1234\n", "fs-1234", " "] {
		denied(fixture.patched(inspection, ["case"], case), {"CASE_INVALID"})
	}
}

test_allows_any_case_where_no_form_is_prescribed if {
	free := fixture.patched(fixture.catalog, ["purposes", "inspection", "case_pattern"], null)
	purpose.established with input as fixture.patched(inspection, ["case"], "2026/17") with data.catalog as free
	not purpose.established with input as inspection with data.catalog as free
	established(fixture.patched(fixture.visit, ["case"], "2026/17"))
}

test_allows_an_open_case_and_one_that_no_register_knows_of if {
	every state in ["open", "unchecked"] {
		established(of_case(state))
	}
}

test_denies_a_case_that_is_not_open if {
	every state in ["closed", "unknown"] {
		denied(of_case(state), {"CASE_NOT_OPEN"})
	}
}

test_denies_a_malformed_case_without_a_word_about_the_register if {
	denied(fixture.patched(of_case("unknown"), ["case"], "FS-1"), {"CASE_INVALID"})
}

test_allows_any_state_of_a_case_that_is_not_required if {
	established(json.patch(fixture.visit, [
		{"op": "add", "path": "/case", "value": "2026/17"},
		{"op": "add", "path": "/context/case_state", "value": "closed"},
	]))
}

test_denies_a_revoked_purpose_and_names_others if {
	revoked := fixture.patched(fixture.visit, ["context", "purpose_revoked"], true)
	denied(revoked, {"PURPOSE_REVOKED"})
	some denial in purpose.denials with input as revoked with data.catalog as fixture.catalog
	denial.remedy.en == "Purposes that you may declare: epidemic, inspection, statistics, verification."
}

test_missing_state_of_case_or_purpose_is_denied if {
	every name in ["case_state", "purpose_revoked"] {
		not purpose.established with input as fixture.without(of_case("open"), ["context", name])
			with data.catalog as fixture.catalog
	}
}

test_missing_rule_about_cases_is_denied if {
	catalog_denies(fixture.without(fixture.catalog, ["purposes", "visits", "case_required"]), "CASE_REQUIRED")
	not purpose.established with input as fixture.patched(inspection, ["case"], "FS-1234")
		with data.catalog as fixture.without(fixture.catalog, ["purposes", "inspection", "case_pattern"])
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

of_case(state) := json.patch(inspection, [
	{"op": "add", "path": "/case", "value": "FS-1234"},
	{"op": "add", "path": "/context/case_state", "value": state},
])

established(document) if purpose.established with input as document with data.catalog as fixture.catalog

denied(document, codes) if {
	codes == fixture.codes(purpose.denials) with input as document with data.catalog as fixture.catalog
}

catalog_denies(catalog, code) if {
	code in fixture.codes(purpose.denials) with input as fixture.visit with data.catalog as catalog
	not purpose.established with input as fixture.visit with data.catalog as catalog
}
