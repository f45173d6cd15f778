package sharing.access.request_test

import data.sharing.access.fixture_test as fixture
import data.sharing.access.request

test_allows_a_complete_request if {
	request.established with input as fixture.visit with data.catalog as fixture.catalog
	count(request.denials) == 0 with input as fixture.visit with data.catalog as fixture.catalog
}

test_denies_a_requester_whose_access_is_revoked if {
	revoked := fixture.patched(fixture.visit, ["requester", "revoked"], true)
	denied(revoked, {"REQUESTER_REVOKED"})
	unestablished(revoked)
}

test_missing_attribute_of_the_requester_is_denied if {
	every name in ["subject", "office", "office_kind", "division_code", "roles", "clearance", "revoked"] {
		incomplete(fixture.without(fixture.visit, ["requester", name]))
	}
	incomplete(fixture.without(fixture.visit, ["requester"]))
}

test_denies_a_malformed_attribute_of_the_requester if {
	malformed := [
		["subject", ""],
		["subject", 7],
		["office", ""],
		["office", null],
		["office_kind", "embassy"],
		["division_code", "3101"],
		["division_code", "31x"],
		["division_code", "310101002\n"],
		["division_code", ""],
		["division_code", 31],
		["roles", []],
		["roles", "clerk"],
		["clearance", "cosmic"],
		["clearance", 3],
		["revoked", "false"],
		["revoked", null],
	]
	every case in malformed {
		incomplete(fixture.patched(fixture.visit, ["requester", case[0]], case[1]))
	}
}

test_missing_part_of_the_description_is_denied if {
	paths := [
		["purpose"],
		["case"],
		["context"],
		["context", "time"],
		["context", "channel"],
		["context", "case_state"],
		["context", "emergencies"],
		["context", "agreements"],
		["context", "stops"],
		["context", "usage"],
		["context", "usage", "rows"],
		["context", "usage", "lookups"],
		["query"],
		["query", "aggregate_only"],
		["query", "datasets"],
		["query", "datasets", "0"],
		["query", "datasets", "0", "lookup_values"],
		["query", "datasets", "0", "consents"],
		["query", "datasets", "0", "columns"],
	]
	every path in paths {
		undescribed(fixture.without(fixture.visit, path))
	}
}

test_denies_a_malformed_description if {
	malformed := [
		[["purpose"], null],
		[["case"], 5],
		[["context", "time"], "2000"],
		[["context", "case_state"], "reopened"],
		[["context", "emergencies"], {}],
		[["context", "agreements"], {}],
		[["context", "stops"], {}],
		[["context", "stops"], [{"kind": "city", "controller": "police", "target": "310101"}]],
		[["context", "stops"], [{"kind": "office", "controller": "police", "target": 310101}]],
		[["context", "stops"], [{"kind": "office", "target": "310101"}]],
		[["context", "usage", "rows"], "0"],
		[["context", "usage", "rows"], -1],
		[["context", "usage", "lookups"], null],
		[["context", "usage", "lookups"], -1],
		[["query", "datasets", "0", "consents"], null],
		[["query", "aggregate_only"], "false"],
		[["query", "datasets"], {}],
		[["query", "datasets", "0", "columns"], {}],
		[["query", "datasets", "1"], fixture.visit.query.datasets[0]],
	]
	every case in malformed {
		undescribed(fixture.patched(fixture.visit, case[0], case[1]))
	}
}

test_denies_a_column_with_a_malformed_name_or_use if {
	malformed := [
		[["context", "purpose_revoked"], 0],
		[["query", "unknown_names"], ""],
		[["query", "unknown_names"], [7]],
		[["query", "datasets", "0", "name"], 7],
		[["query", "datasets", "0", "columns", "0", "name"], 7],
		[["query", "datasets", "0", "columns", "0", "uses"], []],
		[["query", "datasets", "0", "columns", "0", "uses"], ["teleported"]],
		[["query", "datasets", "0", "columns", "0", "uses"], "selected"],
		[["query", "datasets", "0", "columns", "0", "name"], "resident_id"],
	]
	every case in malformed {
		denied(fixture.patched(fixture.visit, case[0], case[1]), {"INPUT_INVALID"})
	}
}

test_missing_part_that_other_rules_establish_is_denied if {
	every path in [["context", "purpose_revoked"], ["query", "unknown_names"], ["query", "datasets", "0", "name"]] {
		denied(fixture.without(fixture.visit, path), {"INPUT_INVALID"})
	}
}

test_missing_grade_table_is_denied if {
	not request.established with input as fixture.visit with data.catalog as fixture.without(fixture.catalog, ["grades_within"])
}

incomplete(document) if {
	denied(document, {"REQUESTER_INCOMPLETE"})
	unestablished(document)
}

undescribed(document) if {
	denied(document, {"INPUT_INVALID"})
	unestablished(document)
}

unestablished(document) if {
	not request.established with input as document with data.catalog as fixture.catalog
}

denied(document, codes) if {
	codes == fixture.codes(request.denials) with input as document with data.catalog as fixture.catalog
}
