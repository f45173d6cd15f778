package sharing.access.jurisdiction_test

import data.sharing.access.fixture_test as fixture
import data.sharing.access.jurisdiction

verification := fixture.request("verification", "health.health_code", ["colour"])

district := json.patch(fixture.visit, [
	{"op": "add", "path": "/requester/office_kind", "value": "district"},
	{"op": "add", "path": "/requester/division_code", "value": "310101"},
])

wide := fixture.patched(fixture.catalog, ["purposes", "visits", "office_kinds"], ["district"])

test_allows_rows_of_the_office if {
	filters(fixture.visit, fixture.catalog) == {"population.resident": {"op": "prefix", "column": "residence_division", "values": ["310101002"]}}
	established(fixture.visit, fixture.catalog)
	count(jurisdiction.denials) == 0 with input as fixture.visit with data.catalog as fixture.catalog
}

test_allows_by_the_column_that_the_purpose_names if {
	need := {"jurisdiction": "registration", "division_column": "registration_division"}
	resident := ["purposes", "visits", "datasets", "population.resident"]
	registered := fixture.patched(fixture.catalog, resident, object.union(fixture.catalog.purposes.visits.datasets["population.resident"], need))
	filters(fixture.visit, registered)["population.resident"].column == "registration_division"
}

test_allows_statistics_and_look_ups_in_the_municipality if {
	filters(fixture.statistic, fixture.catalog)["population.resident"] == {"op": "prefix", "column": "residence_division", "values": ["31"]}
	filters(verification, fixture.catalog)["health.health_code"] == {"op": "prefix", "column": "residence_division", "values": ["31"]}
}

test_allows_a_district_the_codes_that_it_took_over if {
	filters(district, wide)["population.resident"] == {"op": "or", "operands": [prefix("310101"), prefix("310103")]}
	two := fixture.patched(wide, ["former_divisions", "310101", "-"], {"code": "310199", "since": 2000})
	filters(district, two)["population.resident"] == {"op": "or", "operands": [prefix("310101"), prefix("310103"), prefix("310199")]}
}

test_denies_codes_that_are_not_the_requesters if {
	filters(fixture.patched(district, ["context", "time"], 1499), wide)["population.resident"] == prefix("310101")
	filters(fixture.visit, fixture.catalog)["population.resident"] == prefix("310101002")
	every former in [{"code": "310103", "since": "1500"}, {"code": "310103"}, {"since": 1500}] {
		filters(district, fixture.patched(wide, ["former_divisions", "310101"], [former]))["population.resident"] == prefix("310101")
	}
}

test_missing_history_of_divisions_is_denied if {
	denied(fixture.visit, fixture.without(fixture.catalog, ["former_divisions"]))
	denied(fixture.visit, fixture.patched(fixture.catalog, ["former_divisions"], []))
}

test_denies_rows_anywhere_to_anything_else if {
	denied(fixture.visit, fixture.patched(fixture.catalog, ["purposes", "visits", "datasets", "population.resident", "jurisdiction"], "anywhere"))
}

test_missing_column_or_kind_of_jurisdiction_is_denied if {
	resident := ["purposes", "visits", "datasets", "population.resident"]
	every name in ["jurisdiction", "division_column"] {
		denied(fixture.visit, fixture.without(fixture.catalog, array.concat(resident, [name])))
		denied(fixture.visit, fixture.patched(fixture.catalog, array.concat(resident, [name]), null))
	}
	denied(fixture.visit, fixture.patched(fixture.catalog, array.concat(resident, ["jurisdiction"]), "world"))
	denied(fixture.statistic, fixture.without(fixture.catalog, ["purposes", "statistics", "datasets", "population.resident", "division_column"]))
}

test_missing_division_is_denied if {
	not established(fixture.without(fixture.visit, ["requester", "division_code"]), fixture.catalog)
}

test_denies_while_a_name_is_not_available if {
	not established(fixture.request("visits", "population.resident", ["phone"]), fixture.catalog)
}

prefix(code) := {"op": "prefix", "column": "residence_division", "values": [code]}

filters(document, catalog) := found if {
	found := jurisdiction.row_filters with input as document with data.catalog as catalog
}

established(document, catalog) if jurisdiction.established with input as document with data.catalog as catalog

denied(document, catalog) if {
	fixture.codes(jurisdiction.denials) == {"JURISDICTION_UNKNOWN"} with input as document with data.catalog as catalog
	not established(document, catalog)
}
