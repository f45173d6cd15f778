package sharing.access.emergency_test

import data.sharing.access.emergency
import data.sharing.access.fixture_test as fixture

declaration := {"id": "e1", "area": "310101", "purposes": ["epidemic"], "starts_at": 1500, "ends_at": 2500}

epidemic := fixture.request("epidemic", "population.resident", ["name"])

reserved := fixture.patched(fixture.catalog, ["datasets", "health.health_code", "emergency_only"], true)

test_allows_everyday_work_without_an_emergency if {
	established(fixture.visit, fixture.catalog)
	emergency.opened == null with input as fixture.visit with data.catalog as fixture.catalog
	emergency.opened == null with input as fixture.patched(fixture.visit, ["context", "emergencies"], [declaration])
		with data.catalog as fixture.catalog
}

test_allows_from_the_first_second_of_the_emergency_to_before_its_end if {
	every time in [1500, 2499] {
		established(fixture.patched(during([declaration]), ["context", "time"], time), fixture.catalog)
	}
	every time in [1499, 2500] {
		denied(fixture.patched(during([declaration]), ["context", "time"], time), fixture.catalog)
	}
}

test_allows_with_the_emergency_that_ends_first if {
	declared := during([declaration, json.patch(declaration, [
		{"op": "add", "path": "/id", "value": "e2"},
		{"op": "add", "path": "/ends_at", "value": 2400},
	])])
	emergency.opened == "e2" with input as declared with data.catalog as fixture.catalog
}

test_allows_a_dataset_of_emergencies_only_while_one_is_in_force if {
	urgent := fixture.patched(declaration, ["purposes"], ["verification"])
	established(fixture.patched(fixture.look_up, ["context", "emergencies"], [urgent]), reserved)
	denied(fixture.look_up, reserved)
}

test_denies_without_a_declaration if denied(epidemic, fixture.catalog)

test_denies_a_declaration_for_another_place_or_purpose if {
	others := [["area", "310104"], ["area", "310101002001"], ["area", ""], ["purposes", ["visits"]], ["purposes", []]]
	every other in others {
		denied(during([fixture.patched(declaration, [other[0]], other[1])]), fixture.catalog)
	}
}

test_says_nothing_about_a_dataset_while_a_name_is_not_available if {
	unavailable := fixture.patched(fixture.look_up, ["query", "unknown_names"], ["x"])
	not established(unavailable, reserved)
	count(emergency.denials) == 0 with input as unavailable with data.catalog as reserved
}

test_says_nothing_about_an_unknown_purpose if {
	count(emergency.denials) == 0 with input as fixture.patched(fixture.visit, ["purpose"], "unheard-of")
		with data.catalog as fixture.catalog
}

test_missing_part_of_a_declaration_is_denied if {
	every name in object.keys(declaration) {
		denied(during([fixture.without(declaration, [name])]), fixture.catalog)
	}
	every change in [["id", 7], ["area", 31], ["purposes", "epidemic"], ["starts_at", "1500"], ["ends_at", "2500"]] {
		denied(during([fixture.patched(declaration, [change[0]], change[1])]), fixture.catalog)
	}
	not established(fixture.without(epidemic, ["context", "emergencies"]), fixture.catalog)
}

test_missing_rule_about_emergencies_is_denied if {
	denied(fixture.visit, fixture.without(fixture.catalog, ["purposes", "visits", "emergency_required"]))
	denied(fixture.visit, fixture.without(fixture.catalog, ["datasets", "population.resident", "emergency_only"]))
}

during(emergencies) := fixture.patched(epidemic, ["context", "emergencies"], emergencies)

established(document, catalog) if emergency.established with input as document with data.catalog as catalog

denied(document, catalog) if {
	fixture.codes(emergency.denials) == {"EMERGENCY_NOT_DECLARED"} with input as document with data.catalog as catalog
	not established(document, catalog)
}
